//! The table of all settings.

use crate::kind::Kind;

/// A setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its key in the file, with its section: `dns.listen`.
    pub key: &'static str,
    /// Its variables; those after the first are other names that the older server took.
    pub variables: &'static [&'static str],
    /// Its flag of `stream-dns serve`, where it has one.
    pub flag: Option<&'static str>,
    /// Which values it takes.
    pub kind: Kind,
    /// Its default, as a variable would say it; empty for none.
    pub default: &'static str,
    /// Whether its value is masked wherever it would be shown.
    pub secret: bool,
    /// What it means, with its unit.
    pub meaning: &'static str,
}

/// All settings, section by section.
pub const SETTINGS: &[Setting] = &[
    setting("instance-id", &["DNS_INSTANCE_ID"], Kind::Text, "", "The node's name, in its status and in the first line of its log. Nothing that is served depends on it."),
    setting("sentry-dsn", &["DNS_SENTRY_DSN"], Kind::Text, "", "Accepted with a warning: it does nothing here.").secret(),
    // --- what is asked
    setting("dns.listen", &["DNS_ADDRESS"], LISTEN, "127.0.0.1:5300 [::1]:5300", "Where DNS is answered. On a wildcard address answers leave from the address that was asked. A loopback or wildcard IPv6 address is left out where the machine has no IPv6.").flag("--listen"),
    setting("dns.udp", &["DNS_UDP"], Kind::Bool, "true", "Whether UDP is answered."),
    setting("dns.tcp", &["DNS_TCP"], Kind::Bool, "true", "Whether TCP is answered. Without it a truncated answer cannot be asked for again (RFC 7766)."),
    setting("dns.listeners", &["DNS_LISTENERS"], integer(0, 1024), "0", "How many listeners, each with its own thread and sockets; 0 for one per core.").flag("--listeners"),
    setting("dns.udp-payload", &["DNS_UDP_PAYLOAD"], integer(512, 4096), "1232", "The most octets of an answer over UDP to a client with EDNS. With 1232 or less, which fits practically every path, no answer is ever fragmented (on Linux)."),
    setting("dns.tcp-connections", &["DNS_TCP_CONNECTIONS"], integer(1, 65_535), "1000", "How many connections are open at most, those of all listeners together."),
    setting("dns.tcp-connections-per-client", &["DNS_TCP_CONNECTIONS_PER_CLIENT"], integer(1, 65_535), "100", "How many of them for one client address."),
    setting("dns.tcp-idle-ms", &["DNS_TCP_IDLE_MS"], integer(100, 3_600_000), "10000", "How long a connection may be without a query, in milliseconds."),
    setting("dns.tcp-total-ms", &["DNS_TCP_TOTAL_MS"], integer(100, 86_400_000), "600000", "How long a connection may last in all, in milliseconds; what was asked by then is still answered."),
    setting("dns.tcp-write-ms", &["DNS_TCP_WRITE_MS"], integer(100, 600_000), "5000", "How long an answer may take to be written to a slow client, in milliseconds."),
    setting("dns.any-udp", &["DNS_ANY_UDP"], ANY, "one", "What a question of type ANY is answered with over UDP: one RRset (RFC 8482) or all. Whoever asks under a false address has all of them sent there."),
    setting("dns.any-tcp", &["DNS_ANY_TCP"], ANY, "all", "The same over TCP."),
    setting("dns.nsid", &["DNS_NSID"], Kind::ShortText, "", "The identifier of this node for clients that ask for it by EDNS (RFC 5001). Without it none is sent."),
    setting("dns.chaos-version", &["DNS_CHAOS_VERSION"], Kind::ShortText, "", "What `version.bind` and `version.server` say, class CHAOS, type TXT. Without it they are refused."),
    setting("dns.chaos-hostname", &["DNS_CHAOS_HOSTNAME"], Kind::ShortText, "", "What `hostname.bind` and `id.server` (RFC 4892) say, class CHAOS, type TXT. Without it they are refused."),
    setting("dns.zones", &["DNS_ZONES"], Kind::Names, "", "Zones to serve: these and those below them alone, with a made-up SOA where the log has none. Empty: every zone of the log.").flag("--zone"),
    setting("dns.local-records", &["DNS_LOCAL_RECORDS"], Kind::Records, "", "Records of this node alone, `name [ttl] [IN] type content`, one a line; in a variable also divided by ` \\n `. They replace the log's of the same name and type and are never published."),
    setting("dns.default-ttl", &["DNS_DEFAULT_TTL"], integer(0, 2_147_483_647), "300", "The TTL of records whose event gives none, in seconds."),
    setting("dns.disallow-cname-on-apex", &["DNS_DISALLOW_CNAME_ON_APEX"], Kind::Bool, "true", "`false` is a warning and changes nothing: a CNAME never serves at an apex."),
    // --- where zones come from
    setting("journal.path", &["DNS_JOURNAL_PATH"], Kind::Path, "", "A journal file to follow. Without it, and without Kafka, `journal.jsonl` in the directory the server is started in. As a flag it stands in the place of all logs that are configured.").flag("--journal"),
    setting("journal.apexes", &["DNS_JOURNAL_APEXES"], Kind::Names, "", "The only zones that the journal may write, each by its apex; a zone below one is another zone. What the journal says of other zones is kept and not served. Without it: all."),
    setting("kafka.brokers", &["DNS_KAFKA_ADDRESS"], Kind::Words, "", "Brokers of Apache Kafka to begin with, `HOST:PORT`."),
    setting("kafka.topics", &["DNS_KAFKA_TOPICS", "DNS_KAFKA_TOPIC"], Kind::Words, "", "The topics to follow. Changes are published to the first."),
    setting("kafka.incomplete-topics", &["DNS_KAFKA_INCOMPLETE_TOPICS"], Kind::Words, "", "Those of the topics that a node which has nothing yet may read although retention has taken their beginning. Otherwise it raises an alarm and answers SERVFAIL: what it would serve had holes."),
    setting("kafka.apexes", &["DNS_KAFKA_APEXES"], Kind::ByTopic(&Kind::Names), "", "For topics the only zones that each may write, by their apexes; a zone below one is another zone. What a topic says of other zones is kept and not served. A topic that is not named may write all."),
    setting(
        "kafka.partitioning",
        &["DNS_KAFKA_PARTITIONING"],
        Kind::ByTopic(&PARTITIONING),
        "",
        "How the partitions of topics are used, the same for everybody who writes to the topic. `zone`, which holds for a topic that is not named, keeps a zone in one partition, so that its changes become visible at once. `key` is for topics where other producers hash the key, as Kafka's own partitioner does: a change then becomes visible partition by partition, and a serial may be seen before all that it stands for.",
    ),
    setting("kafka.properties", &[], Kind::Properties, "", "Further properties of librdkafka by their own names, passed through. Those that would break a promise are refused."),
    setting("kafka.sasl.enabled", &["DNS_KAFKA_SASL_ENABLE"], Kind::Bool, "false", "Whether to log in at the brokers."),
    setting("kafka.sasl.mechanism", &["DNS_KAFKA_SASL_MECHANISM"], MECHANISM, "", "How to log in."),
    setting("kafka.sasl.user", &["DNS_KAFKA_USER"], Kind::Text, "", "The user to log in as."),
    setting("kafka.sasl.password", &["DNS_KAFKA_PASSWORD"], Kind::Text, "", "The password to log in with.").secret(),
    setting("kafka.tls.enabled", &["DNS_KAFKA_TLS_ENABLE"], Kind::Bool, "false", "Whether to speak TLS with the brokers."),
    setting("kafka.tls.ca", &["DNS_KAFKA_TLS_CA"], Kind::Path, "", "The authorities to trust, PEM. Without it the system's."),
    setting("kafka.tls.cert", &["DNS_KAFKA_TLS_CERT"], Kind::Path, "", "The node's own certificate, PEM."),
    setting("kafka.tls.key", &["DNS_KAFKA_TLS_KEY"], Kind::Path, "", "The key of that certificate, PEM."),
    setting("producer.target", &["DNS_PRODUCER_TARGET"], TARGET, "auto", "Where changes that this node is asked to make are published; `auto` is Kafka where it is configured, else the journal. With `off` the node only reads."),
    setting(
        "producer.timeout-ms",
        &["DNS_PRODUCER_TIMEOUT_MS"],
        integer(100, 300_000),
        "10000",
        "How long the log may take, for a journal's lock or for a broker's answers, in milliseconds.",
    ),
    // --- what is kept
    setting("store.path", &["DNS_PATHDB"], Kind::Path, "stream-dns.redb", "The embedded store. A file of the older server cannot be read: name a new one.").flag("--store"),
    setting("store.cache-mib", &["DNS_STORE_CACHE_MIB"], integer(1, 65_536), "32", "Memory for the store's cache, in MiB. Answers never come from it."),
    // --- other people's names
    setting("resolver.mode", &["DNS_RESOLVER_MODE"], MODE, "", "How names of others are resolved: not at all, by asking `resolver.servers`, or from the root downwards. Without it: `forward` where servers are given, else `iterate` where `resolver.allow` is, else `off`."),
    setting("resolver.servers", &["DNS_RESOLVER_ADDRESS"], Kind::Servers, "", "The name servers to forward to."),
    setting("resolver.roots", &["DNS_RESOLVER_ROOTS"], Kind::Servers, "", "The root servers to begin at. Empty: the real ones."),
    setting("resolver.allow", &["DNS_RECURSION_ALLOW"], Kind::Networks, "127.0.0.0/8 ::1/128", "Who may have names of others resolved. Everybody else gets REFUSED."),
    setting("resolver.port", &["DNS_RESOLVER_PORT"], integer(1, 65_535), "53", "The port of name servers met while iterating. Another than 53 is for tests and closed networks."),
    setting("resolver.allow-private-servers", &["DNS_RESOLVER_ALLOW_PRIVATE_SERVERS"], Kind::Bool, "false", "Whether name servers with private, loopback and other special addresses are asked while iterating. Anybody's zone may name them."),
    setting("resolver.timeout-ms", &["DNS_RESOLVER_TIMEOUT_MS"], integer(100, 60_000), "5000", "How long a question may take in all, in milliseconds."),
    setting("resolver.cache-entries", &["DNS_RESOLVER_CACHE_ENTRIES"], integer(0, 10_000_000), "65536", "How many answers are cached at most."),
    // --- what is measured
    setting("metrics.flush-interval-ms", &["DNS_METRICS_FLUSH_INTERVAL", "DNS_AGENT_METRICS_FLUSH_INTERVAL"], integer(10, 3_600_000), "1000", "How often statsd and standard output get what was added up, in milliseconds."),
    setting("metrics.buffer-size", &["DNS_METRICS_BUFFER_SIZE", "DNS_AGENT_METRICS_BUFFER_SIZE"], integer(1, 1_000_000), "1024", "How many batches of measurements may wait to be added up. A batch that does not fit stays where it was measured and is sent with the next."),
    setting("metrics.stdout", &["DNS_METRICS_STDOUT"], STDOUT, "off", "Whether each flush writes a line to standard output."),
    setting("metrics.statsd.address", &["DNS_STATSD_ADDRESS"], Kind::HostPort, "", "The statsd server, over UDP."),
    setting("metrics.statsd.prefix", &["DNS_STATSD_PREFIX"], Kind::Text, "", "What stands before each name at statsd, with a dot between."),
    setting("metrics.statsd.tags", &["DNS_STATSD_TAGS"], Kind::Bool, "false", "Whether labels go to statsd as tags (`|#transport:udp`). Otherwise their values are appended to the name."),
    // --- who looks after it
    setting("admin.address", &["DNS_ADMIN_ADDRESS"], Kind::Listen { or_none: true }, "127.0.0.1:5380", "Where the HTTP interface answers. An address that is not loopback needs a user name and a password."),
    setting("admin.username", &["DNS_ADMIN_USERNAME"], Kind::Text, "", "The user name for everything but `/healthz`, `/readyz`, `/freshz` and `/metrics`."),
    setting("admin.password", &["DNS_ADMIN_PASSWORD"], Kind::Text, "", "The password.").secret(),
    setting("admin.jwt-secret", &["DNS_ADMIN_JWTSECRET"], Kind::Text, "", "What tokens of `POST /signin` are signed with (HS256). Without it there are none.").secret(),
    setting("admin.fresh-in-step-ms", &["DNS_ADMIN_FRESH_IN_STEP_MS"], integer(1_000, 604_800_000), "60000", "How long ago the node may have been in step with each of its logs for `/freshz` to call it fresh, in milliseconds."),
    setting("admin.fresh-lag-ms", &["DNS_ADMIN_FRESH_LAG_MS"], integer(1, 604_800_000), "10000", "With how much lag a partition may be read for `/freshz` to call the node fresh, in milliseconds."),
    setting("shutdown.delay-ms", &["DNS_SHUTDOWN_DELAY_MS"], integer(0, 600_000), "0", "How long the node goes on answering after a signal to stop, in milliseconds, while `/readyz` already fails: the time that a load balancer needs to look elsewhere."),
    setting("shutdown.drain-timeout-ms", &["DNS_SHUTDOWN_DRAIN_TIMEOUT_MS"], integer(100, 600_000), "10000", "How long stopping may take after that, in milliseconds."),
    setting("log.level", &["LOG_LEVEL"], LEVEL, "info", "What is logged, to standard error."),
    setting("log.format", &["LOG_FORMAT"], FORMAT, "text", "How it is logged."),
];

const LISTEN: Kind = Kind::Listen { or_none: false };

const MODE: Kind =
    Kind::Choice(&[("off", "off"), ("false", "off"), ("forward", "forward"), ("iterate", "iterate")]);

const ANY: Kind = Kind::Choice(&[("one", "one"), ("all", "all")]);

const TARGET: Kind = Kind::Choice(&[
    ("auto", "auto"),
    ("kafka", "kafka"),
    ("journal", "journal"),
    ("off", "off"),
    ("false", "off"),
]);

const PARTITIONING: Kind = Kind::Choice(&[("zone", "zone"), ("key", "key")]);

const STDOUT: Kind =
    Kind::Choice(&[("off", "off"), ("false", "off"), ("text", "text"), ("true", "text"), ("json", "json")]);

/// The older server looked for `sha512`, `SHA-512`, `sha256` and `SHA-256` within the value.
const MECHANISM: Kind = Kind::Choice(&[
    ("PLAIN", "PLAIN"),
    ("SCRAM-SHA-256", "SCRAM-SHA-256"),
    ("SHA-256", "SCRAM-SHA-256"),
    ("sha256", "SCRAM-SHA-256"),
    ("scram-sha256", "SCRAM-SHA-256"),
    ("SCRAM-SHA-512", "SCRAM-SHA-512"),
    ("SHA-512", "SCRAM-SHA-512"),
    ("sha512", "SCRAM-SHA-512"),
    ("scram-sha512", "SCRAM-SHA-512"),
]);

/// `warning`, `fatal` and `panic` are names of the older server's logger.
const LEVEL: Kind = Kind::Choice(&[
    ("trace", "trace"),
    ("debug", "debug"),
    ("info", "info"),
    ("warn", "warn"),
    ("warning", "warn"),
    ("error", "error"),
    ("fatal", "error"),
    ("panic", "error"),
    ("off", "off"),
]);

/// `plain` is the older server's word for text.
const FORMAT: Kind = Kind::Choice(&[("text", "text"), ("plain", "text"), ("json", "json")]);

const fn setting(
    key: &'static str,
    variables: &'static [&'static str],
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting { key, variables, flag: None, kind, default, secret: false, meaning }
}

const fn integer(least: i64, most: i64) -> Kind {
    Kind::Integer { least, most }
}

// === impl Setting ===

impl Setting {
    /// The setting of this key.
    pub fn of(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    const fn flag(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::Value;
    use std::collections::BTreeSet;

    #[test]
    fn keys_variables_and_flags_are_unique_and_defaults_are_allowed() {
        let mut seen = BTreeSet::new();
        for setting in SETTINGS {
            let names =
                [setting.key].into_iter().chain(setting.variables.iter().copied()).chain(setting.flag);
            for name in names {
                assert!(seen.insert(name), "{name} stands twice");
            }
            if !setting.default.is_empty() {
                assert!(setting.kind.read(&Value::new(None, setting.default)).is_ok(), "{}", setting.key);
            }
            assert!(setting.meaning.ends_with('.'), "{}", setting.key);
        }
    }

    #[test]
    fn no_variable_is_one_that_kubernetes_injects() {
        for variable in SETTINGS.iter().flat_map(|setting| setting.variables) {
            assert!(!variable.starts_with("DNS_SERVICE_") && !variable.starts_with("DNS_PORT"), "{variable}");
        }
    }
}
