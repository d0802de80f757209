//! Events as the older server's own producers wrote them.

use serde_json::json;

/// How a key spells its owner; the older server's producers did all three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// `foo.example.|A`
    Dot,
    /// `foo.example..|A`
    TwoDots,
    /// `foo.example|A`
    NoDot,
}

/// The three spellings.
pub const SPELLINGS: [Spelling; 3] = [Spelling::Dot, Spelling::TwoDots, Spelling::NoDot];

/// One record's content and its priority.
pub type Content = (String, u16);

// === impl Spelling ===

impl Spelling {
    /// The key of an RRset, whose owner ends with one dot.
    pub fn key(self, owner: &str, rtype: &str) -> String {
        let bare = owner.trim_end_matches('.');
        let dots = match self {
            Self::Dot => ".",
            Self::TwoDots => "..",
            Self::NoDot => "",
        };
        format!("{bare}{dots}|{rtype}")
    }
}

/// The value of an RRset: a JSON array of its records.
pub fn value(owner: &str, rtype: &str, ttl: u32, contents: &[Content]) -> String {
    let record = |(content, priority): &Content| {
        json!({
            "Name": owner,
            "Type": rtype,
            "Content": content,
            "Ttl": ttl,
            "Priority": priority,
            "Metadatas": {"CreatedAt": 1_700_000_000, "Producer": "older"},
        })
    };
    contents.iter().map(record).collect::<serde_json::Value>().to_string()
}

/// An event that sets an RRset without priorities: key and value.
pub fn event(spelling: Spelling, owner: &str, rtype: &str, contents: &[&str]) -> (String, String) {
    let contents: Vec<Content> = contents.iter().map(|content| ((*content).to_owned(), 0)).collect();
    (spelling.key(owner, rtype), value(owner, rtype, 300, &contents))
}
