//! The outside: a root, two top-level zones and what is below them, on one NSD; and our node beside it.

use anyhow::Result;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use std::fs;
use stream_dns_tests::{Nsd, Server, ServerBuilder};
use tempfile::TempDir;

/// How the node gets at the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// By asking NSD for everything.
    Forward,
    /// From the root downwards.
    Iterate,
}

/// Both ways.
pub(crate) const ROUTES: [Route; 2] = [Route::Forward, Route::Iterate];

/// The address that the outside gives to all names of our zone.
pub(crate) const FORGED: &str = "203.0.113.66";

/// Our node, which recurses for 127.0.0.1 alone, and the outside.
pub(crate) struct Outside {
    pub(crate) nsd: Nsd,
    pub(crate) server: Server,
    _folder: TempDir,
}

const SOA: &str = "@ 300 IN SOA ns hostmaster 1 3600 600 86400 300\n";

const ROOT: &str = ". 300 IN NS a.root.\na.root. 300 IN A 127.0.0.1\n\
    com. 300 IN NS ns.com.\nns.com. 300 IN A 127.0.0.1\n\
    net. 300 IN NS ns.net.\nns.net. 300 IN A 127.0.0.1\n";

const COM: &str = "com. 300 IN NS ns.com.\nns.com. 300 IN A 127.0.0.1\n\
    example.com. 300 IN NS ns.example.com.\nns.example.com. 300 IN A 127.0.0.1\n";

const NET: &str = "net. 300 IN NS ns.net.\nns.net. 300 IN A 127.0.0.1\n\
    elsewhere.net. 300 IN NS ns.elsewhere.net.\nns.elsewhere.net. 300 IN A 127.0.0.1\n";

/// Our zone as the outside pretends it to be.
const EXAMPLE: &str = "@ 300 IN NS ns\nns 300 IN A 127.0.0.1\n\
    @ 300 IN A 203.0.113.66\n@ 300 IN MX 10 www\n* 300 IN A 203.0.113.66\n\
    www 300 IN A 203.0.113.66\nwww 300 IN TXT \"203.0.113.66\"\nmissing 300 IN A 203.0.113.66\n\
    deep.www 300 IN A 203.0.113.66\nout 300 IN A 203.0.113.66\n\
    sub 300 IN NS ns.sub\nns.sub 300 IN A 127.0.0.1\n";

const SUB: &str = "@ 300 IN NS ns\nns 300 IN A 127.0.0.1\nhost 300 IN A 198.51.100.7\n\
    alias 300 IN CNAME www.example.com.\n";

const ELSEWHERE: &str = "@ 300 IN NS ns\nns 300 IN A 127.0.0.1\nwww 300 IN A 198.51.100.80\n\
    alias 300 IN CNAME www.example.com.\nlost 300 IN CNAME missing.example.com.\n@ 300 IN MX 10 www.example.com.\n";

// === impl Outside ===

impl Outside {
    /// Starts both.
    pub(crate) fn start(route: Route) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let large: String =
            (0..12).map(|n| format!("large 300 IN TXT \"{n}-{}\"\n", "x".repeat(200))).collect();
        let elsewhere = format!("{SOA}{ELSEWHERE}{large}");
        let zones = [
            (".", format!(". 300 IN SOA a.root. hostmaster.root. 1 3600 600 86400 300\n{ROOT}")),
            ("com.", format!("{SOA}{COM}")),
            ("net.", format!("{SOA}{NET}")),
            ("example.com.", format!("{SOA}{EXAMPLE}")),
            ("sub.example.com.", format!("{SOA}{SUB}")),
            ("elsewhere.net.", elsewhere),
        ];
        let zones: Vec<(&str, &str)> = zones.iter().map(|(apex, text)| (*apex, text.as_str())).collect();
        let nsd = Nsd::start(folder.path(), &zones)?;

        fs::write(folder.path().join("journal.jsonl"), ours())?;
        let builder = ServerBuilder::new(folder.path()).variable("DNS_RECURSION_ALLOW", "127.0.0.1/32");
        let builder = match route {
            Route::Forward => builder.variable("DNS_RESOLVER_ADDRESS", nsd.address.to_string()),
            Route::Iterate => builder
                .variable("DNS_RESOLVER_MODE", "iterate")
                .variable("DNS_RESOLVER_ROOTS", nsd.address.to_string())
                .variable("DNS_RESOLVER_PORT", nsd.address.port().to_string())
                .variable("DNS_RESOLVER_ALLOW_PRIVATE_SERVERS", "true"),
        };
        let server = builder.ready()?;
        // On a busy machine a first question may time out on its way; what is tested begins behind it.
        let mut asker = server.asker()?;
        stream_dns_tests::eventually("the outside is reached", || {
            let first = asker.recurse("warm-up.elsewhere.net.", RecordType::A).ok()?;
            (first.rcode() == ResponseCode::NXDomain).then_some(())
        });
        Ok(Self { nsd, server, _folder: folder })
    }
}

/// Our zone, as lines of a journal.
fn ours() -> String {
    let line = |(owner, rtype, content): &(&str, &str, &str)| {
        let value = serde_json::json!([{"name": owner, "type": rtype, "content": content, "ttl": 300}]);
        format!("{}\n", serde_json::json!({"key": format!("{owner}|{rtype}"), "value": value}))
    };
    [
        ("example.com.", "SOA", "ns1.example.com. hostmaster.example.com. 1 3600 600 86400 300"),
        ("example.com.", "NS", "ns1.example.com."),
        ("ns1.example.com.", "A", "192.0.2.53"),
        ("www.example.com.", "A", "192.0.2.80"),
        ("out.example.com.", "CNAME", "alias.elsewhere.net."),
        ("lost.example.com.", "CNAME", "lost.elsewhere.net."),
        ("away.example.com.", "CNAME", "www.elsewhere.net."),
        ("nowhere.example.com.", "CNAME", "missing.elsewhere.net."),
        ("sub.example.com.", "NS", "ns.sub.example.com."),
        ("ns.sub.example.com.", "A", "127.0.0.1"),
    ]
    .iter()
    .map(line)
    .collect()
}
