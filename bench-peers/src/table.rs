//! Tables that are read in a terminal and on a page alike (Markdown).

use crate::measure::Figures;

/// Rows of cells under headings.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

// === impl Table ===

impl Table {
    /// With these headings.
    pub fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|&heading| heading.to_owned()).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cell = |row: usize, column: usize| self.rows[row].get(column).map_or("", String::as_str);
        let width =
            |column| (0..self.rows.len()).map(|row| cell(row, column).chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in 0..self.rows.len() {
            for (column, &width) in widths.iter().enumerate() {
                // The first column is words, the others are numbers.
                match column {
                    0 => write!(f, "| {:<width$} ", cell(row, column))?,
                    _ => write!(f, "| {:>width$} ", cell(row, column))?,
                }
            }
            writeln!(f, "|")?;
            if row == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let end = if column == 0 { "-" } else { ":" };
                    write!(f, "|{}{end}", "-".repeat(width + 1))?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

/// The figures of one mix, a row for each server.
pub fn of_figures(all: &[Figures]) -> Table {
    let mut table = Table::new(&[
        "server",
        "µs/answer",
        "× echo",
        "µs outside",
        "k/s",
        "busy",
        "others",
        "p50 µs",
        "p99 µs",
        "lost",
        "strange",
        "unexpected",
    ]);
    for one in all {
        let busy = if one.generator_was_the_limit() { "%*" } else { "%" };
        table.row([
            one.kind.to_string(),
            format!("{:.2}", one.total),
            one.by_echo.map_or("-".to_owned(), |ratio| format!("{ratio:.2}")),
            one.user.map_or("-".to_owned(), |user| format!("{user:.2}")),
            format!("{:.0}", one.rate),
            format!("{:.0}{busy}", one.busy * 100.0),
            format!("{:.0}%", one.others * 100.0),
            format!("{:.0}", one.latency.0),
            format!("{:.0}", one.latency.1),
            one.faults.0.to_string(),
            one.faults.1.to_string(),
            one.faults.2.to_string(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["server", "µs"]);
        table.row(["NSD".to_owned(), "3.90".to_owned()]);
        assert_eq!(table.to_string(), "| server |   µs |\n|--------|-----:|\n| NSD    | 3.90 |\n");
    }
}
