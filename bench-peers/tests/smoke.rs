//! The instruments work: a short run over the echo server and our own.

#![cfg(target_os = "linux")]

use std::process::Command;
use stream_dns_tests::binary;

/// The cells of a row of the table.
fn cells(line: &str) -> Vec<&str> {
    line.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

/// A part finds its figures, and the page shows them with their limits.
#[test]
fn a_part_comes_to_stand_on_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bench-peers"));
        let output = command.args(arguments).arg("--kept").arg(folder.path()).output().expect("a run");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
        text
    };
    let binary = binary();
    let binary = binary.to_str().expect("a path that is text");
    run(&["run", "--part", "replay", "--divisor", "2000", "--without-kafka", "--binary", binary]);
    let page = run(&["page"]);
    assert!(page.contains("Of 2 limits") && page.contains("a warm journal: durable"), "{page}");
}

/// Every mix, with and without EDNS, from both servers: nothing is lost, and every answer has the RCODE and the
/// number of records that its question expects.
#[test]
fn a_quick_run_measures_the_echo_server_and_ours() {
    let binary = binary();
    for world in [["--names", "300"], ["--zones", "20"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_bench-peers"))
            .args(["quick", "--servers", "echo,stream-dns", "--rounds", "1", "--round-ms", "150"])
            .args(["--questions", "2000", "--binary"])
            .arg(&binary)
            .args(world)
            .output()
            .expect("a run");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
        for name in ["echo", "Stream-DNS"] {
            let rows: Vec<_> = text.lines().map(cells).filter(|row| row.first() == Some(&name)).collect();
            assert_eq!(rows.len(), 6, "{text}");
            for row in rows {
                let cost: f64 = row[1].parse().expect("a cost");
                assert!(cost > 0.0 && row.last() == Some(&"0"), "{text}");
            }
        }
    }
}
