//! Rules: what contradicts what, what follows from what, and what is odd.

use crate::error::Problem;
use crate::model::{Recursion, Settings, Target};
use crate::show::value_of;
use crate::table::Setting;
use config::Value;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// The journal that is followed where no log is configured.
const DEFAULT_JOURNAL: &str = "journal.jsonl";

/// A signing secret shorter than this can be guessed (RFC 7518 section 3.2 asks for the 32 octets of the hash;
/// the older server took any).
const SHORT_SECRET: usize = 16;

type Origins = BTreeMap<String, String>;

/// Settings that exclude each other, or of which one needs the other.
pub(crate) fn contradictions(settings: &Settings, origins: &Origins) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut both = |first: &str, second: &str, allowed: &str| {
        found.push(Problem::Contradiction {
            first: shown(settings, origins, first),
            second: shown(settings, origins, second),
            allowed: allowed.to_owned(),
        });
    };
    let (dns, kafka, admin, resolver) = (&settings.dns, &settings.kafka, &settings.admin, &settings.resolver);
    if !dns.udp && !dns.tcp {
        both("dns.udp", "dns.tcp", "at least one of them true");
    }

    if kafka.brokers.is_empty() != kafka.topics.is_empty() {
        both("kafka.brokers", "kafka.topics", "both or neither");
    }
    let is_followed = |topic: &String| kafka.topics.contains(topic);
    for (key, strange) in [
        ("kafka.apexes", !kafka.apexes.keys().all(is_followed)),
        ("kafka.partitioning", !kafka.partitioning.keys().all(is_followed)),
        ("kafka.incomplete-topics", !kafka.incomplete_topics.iter().all(is_followed)),
    ] {
        // Without topics another log stands in their place.
        if strange && !kafka.topics.is_empty() {
            both(key, "kafka.topics", "topics that are followed");
        }
    }
    if kafka.sasl.enabled {
        for (key, missing) in [
            ("kafka.sasl.mechanism", kafka.sasl.mechanism.is_none()),
            ("kafka.sasl.user", kafka.sasl.user.is_none()),
            ("kafka.sasl.password", kafka.sasl.password.is_none()),
        ] {
            if missing {
                both(
                    "kafka.sasl.enabled",
                    key,
                    "a mechanism (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512), user and password",
                );
            }
        }
    }
    let files = [
        ("kafka.tls.ca", &kafka.tls.ca),
        ("kafka.tls.cert", &kafka.tls.cert),
        ("kafka.tls.key", &kafka.tls.key),
    ];
    for (key, _) in files.iter().filter(|(_, file)| file.is_some() && !kafka.tls.enabled) {
        both("kafka.tls.enabled", key, "true with files, or no files");
    }
    if kafka.tls.cert.is_some() != kafka.tls.key.is_some() {
        both("kafka.tls.cert", "kafka.tls.key", "both or neither");
    }
    match settings.producer.target {
        Target::Kafka if kafka.brokers.is_empty() => {
            both("producer.target", "kafka.brokers", "brokers, or another target")
        }
        Target::Journal if settings.journal.path.is_none() && !kafka.brokers.is_empty() => {
            both("producer.target", "journal.path", "a path, or another target");
        }
        _ => {}
    }
    let journal = settings.journal.path.as_deref().unwrap_or(Path::new(DEFAULT_JOURNAL));
    let followed = settings.journal.path.is_some() || kafka.brokers.is_empty();
    if followed && plain(journal) == plain(&settings.store.path) {
        both("journal.path", "store.path", "two files; without a log the journal is journal.jsonl");
    }

    let (servers, roots) = (!resolver.servers.is_empty(), !resolver.roots.is_empty());
    let allowed = "off without servers, roots and an access list; forward with servers; iterate without";
    match resolver.mode {
        Some(Recursion::Off) if servers => both("resolver.mode", "resolver.servers", allowed),
        Some(Recursion::Off) if !is_default(settings, "resolver.allow") => {
            both("resolver.mode", "resolver.allow", allowed)
        }
        Some(Recursion::Forward) if !servers => both("resolver.mode", "resolver.servers", allowed),
        Some(Recursion::Iterate) if servers => both("resolver.mode", "resolver.servers", allowed),
        Some(Recursion::Off | Recursion::Forward) | None if roots && (resolver.mode.is_some() || servers) => {
            both(
                "resolver.roots",
                if resolver.mode.is_some() { "resolver.mode" } else { "resolver.servers" },
                allowed,
            );
        }
        _ => {}
    }

    let credentials = admin.username.is_some() && admin.password.is_some();
    if admin.username.is_some() != admin.password.is_some() {
        both("admin.username", "admin.password", "both or neither");
    } else if !credentials && admin.address.iter().any(|address| !address.ip().to_canonical().is_loopback()) {
        both("admin.address", "admin.username", "a loopback address, or a user name and a password");
    }
    let taken = |admin: &std::net::SocketAddr| {
        dns.listen.iter().any(|dns| {
            let everywhere = dns.ip().is_unspecified() || admin.ip().is_unspecified();
            dns.port() != 0 && dns.port() == admin.port() && (dns.ip() == admin.ip() || everywhere)
        })
    };
    if dns.tcp && admin.address.iter().any(taken) {
        both("admin.address", "dns.listen", "two addresses or ports, since both take TCP connections");
    }
    found
}

/// A path without `.` in it, so that `./a` is `a`.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

/// Fills in what follows from the rest.
pub(crate) fn conclude(settings: &mut Settings, origins: &mut Origins) {
    let kafka = !settings.kafka.brokers.is_empty();
    if settings.journal.path.is_none() && !kafka {
        settings.journal.path = Some(DEFAULT_JOURNAL.into());
    }
    if settings.producer.target == Target::Auto {
        settings.producer.target = if kafka { Target::Kafka } else { Target::Journal };
    }
    if settings.resolver.mode.is_none() {
        let given = was_given("resolver.allow", origins) || !settings.resolver.roots.is_empty();
        settings.resolver.mode = Some(match given {
            _ if !settings.resolver.servers.is_empty() => Recursion::Forward,
            true => Recursion::Iterate,
            false => Recursion::Off,
        });
    }
}

/// What is odd and changes nothing.
pub(crate) fn warnings(settings: &Settings) -> Vec<String> {
    let (kafka, admin, sasl) = (&settings.kafka, &settings.admin, &settings.kafka.sasl);
    let mut found = Vec::new();
    let mut warn = |odd: bool, text: &str| {
        if odd {
            found.push(text.to_owned());
        }
    };
    warn(
        !settings.dns.disallow_cname_on_apex,
        "dns.disallow-cname-on-apex = false changes nothing: a CNAME never serves at an apex (RFC 1034 section 3.6.2)",
    );
    warn(
        settings.sentry_dsn.is_some(),
        "sentry-dsn does nothing: this server reports to its log and its metrics alone",
    );
    warn(
        !sasl.enabled && (sasl.user.is_some() || sasl.password.is_some()),
        "kafka.sasl has a user or a password and is not enabled: nobody logs in at the brokers",
    );
    warn(
        sasl.enabled && !kafka.tls.enabled && sasl.mechanism.as_deref() == Some("PLAIN"),
        "kafka.sasl.mechanism is PLAIN without kafka.tls: the password crosses the network in the clear",
    );
    warn(
        kafka.brokers.is_empty() && !kafka.properties.is_empty(),
        "kafka.properties does nothing without kafka.brokers",
    );
    let statsd = &settings.metrics.statsd;
    warn(
        statsd.address.is_none() && statsd.prefix.is_some(),
        "metrics.statsd.prefix does nothing without metrics.statsd.address",
    );
    warn(
        admin.jwt_secret.is_some() && admin.username.is_none(),
        "admin.jwt-secret does nothing without admin.username and admin.password",
    );
    warn(
        admin.jwt_secret.as_ref().is_some_and(|secret| secret.reveal().len() < SHORT_SECRET),
        "admin.jwt-secret is shorter than 16 characters: tokens could be forged by guessing it",
    );
    warn(
        settings.resolver.allow.iter().any(|network| network.prefix_len() == 0),
        "resolver.allow lets everybody in: an open resolver will be found and abused (RFC 5358)",
    );
    found
}

/// Whether a setting has its default, wherever that was said: what is printed must read back.
fn is_default(settings: &Settings, key: &str) -> bool {
    let default =
        Setting::of(key).and_then(|setting| setting.kind.read(&Value::new(None, setting.default)).ok());
    let default = default.map(|kind| crate::show::text(&Value::new(None, kind)));
    let own = value_of(settings, key).map(|value| value.to_string().replace(',', ", "));
    own == default
}

fn was_given(key: &str, origins: &Origins) -> bool {
    origins.get(key).is_some_and(|origin| origin != crate::load::BUILT_IN)
}

fn shown(settings: &Settings, origins: &Origins, key: &str) -> String {
    let value = value_of(settings, key).map_or_else(|| "(not set)".to_owned(), |value| value.to_string());
    let inner = format!("{key}.");
    let of_table = || origins.iter().find(|(own, _)| own.starts_with(&inner)).map(|(_, origin)| origin);
    match origins.get(key).or_else(of_table) {
        Some(origin) => format!("{key} = {value} (from {origin})"),
        None => format!("{key} = {value}"),
    }
}
