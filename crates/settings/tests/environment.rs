//! Every variable of the older server works and means what it meant.

use settings::{
    Flag, Inputs, Invalid, Loaded, LogFormat, LogLevel, Problem, Recursion, SETTINGS, Target, load,
};
use std::collections::BTreeMap;

fn try_with(variables: &[(&str, &str)]) -> Result<Loaded, Invalid> {
    let environment: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    load(&Inputs { environment: &environment, ..Inputs::default() })
}

fn with(variables: &[(&str, &str)]) -> Loaded {
    try_with(variables).unwrap_or_else(|error| panic!("{variables:?}: {error}"))
}

fn addresses(list: &[std::net::SocketAddr]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn the_older_servers_example_works() {
    // `.env.example` of the older server, as it stands there.
    let loaded = with(&[
        ("DNS_ADDRESS", "127.0.0.1:8053"),
        ("DNS_TCP", "true"),
        ("DNS_UDP", "true"),
        ("DNS_RESOLVER_ADDRESS", "9.9.9.9"),
        ("DNS_ZONES", "internal. services.example.com."),
        ("DNS_KAFKA_ADDRESS", "localhost:9092"),
        ("DNS_KAFKA_TOPICS", "compressed-domains"),
        ("DNS_AGENT_METRICS_BUFFER_SIZE", "100"),
        ("DNS_AGENT_METRICS_FLUSH_INTERVAL", "500"),
        ("DNS_PATHDB", "/var/lib/my.db"),
    ]);
    let settings = &loaded.settings;
    assert_eq!(loaded.warnings, Vec::<String>::new());
    assert_eq!(addresses(&settings.dns.listen), ["127.0.0.1:8053"]);
    assert_eq!(settings.dns.zones, ["internal.", "services.example.com."]);
    assert_eq!(settings.resolver.mode, Some(Recursion::Forward));
    assert_eq!(addresses(&settings.resolver.servers), ["9.9.9.9:53"]);
    assert_eq!(
        (&settings.kafka.brokers[..], &settings.kafka.topics[..]),
        (&["localhost:9092".to_owned()][..], &["compressed-domains".to_owned()][..])
    );
    assert_eq!(settings.journal.path, None, "the default journal is for a node without Kafka");
    assert_eq!(settings.producer.target, Target::Kafka);
    assert_eq!((settings.metrics.buffer_size, settings.metrics.flush_interval_ms), (100, 500));
    assert_eq!(settings.store.path.to_str(), Some("/var/lib/my.db"));
}

#[test]
fn each_variable_reaches_its_setting() {
    let all: &[(&str, &str, &str)] = &[
        ("DNS_INSTANCE_ID", "node-1", "\"node-1\""),
        ("DNS_ADDRESS", ":8053", "[\"0.0.0.0:8053\",\"[::]:8053\"]"),
        ("DNS_TCP", "0", "false"),
        ("DNS_UDP", "F", "false"),
        ("DNS_ZONES", "a.example,B.example.", "[\"a.example.\",\"b.example.\"]"),
        ("DNS_METRICS_BUFFER_SIZE", "7", "7"),
        ("DNS_METRICS_FLUSH_INTERVAL", "2000", "2000"),
        ("DNS_AGENT_METRICS_BUFFER_SIZE", "8", "8"),
        ("DNS_AGENT_METRICS_FLUSH_INTERVAL", "3000", "3000"),
        ("DNS_PATHDB", "x.redb", "\"x.redb\""),
        ("DNS_STATSD_ADDRESS", "127.0.0.1:8125", "\"127.0.0.1:8125\""),
        ("DNS_STATSD_PREFIX", "dns", "\"dns\""),
        ("DNS_RESOLVER_ADDRESS", "127.0.0.1:5353", "[\"127.0.0.1:5353\"]"),
        ("DNS_RECURSION_ALLOW", "10.0.0.0/8 ::1", "[\"10.0.0.0/8\",\"::1/128\"]"),
        ("DNS_ADMIN_ADDRESS", "127.0.0.1:9000", "[\"127.0.0.1:9000\"]"),
        ("DNS_ADMIN_JWTSECRET", "a secret of some length", "\"***\""),
        ("DNS_LOCAL_RECORDS", "a.example. 60 IN A 192.0.2.1", "\"a.example. 60 IN A 192.0.2.1\""),
        ("DNS_DISALLOW_CNAME_ON_APEX", "true", "true"),
        ("DNS_SENTRY_DSN", "https://x@sentry.example/1", "\"***\""),
        ("DNS_KAFKA_USER", "u", "\"u\""),
        ("DNS_KAFKA_PASSWORD", "p", "\"***\""),
        ("DNS_KAFKA_SASL_MECHANISM", "sha512", "\"SCRAM-SHA-512\""),
        ("DNS_KAFKA_TLS_ENABLE", "1", "true"),
        ("LOG_LEVEL", "Warning", "\"warn\""),
        ("LOG_FORMAT", "JSON", "\"json\""),
    ];
    for (variable, value, shown) in all {
        let loaded = with(&[(variable, value)]);
        let setting = SETTINGS.iter().find(|setting| setting.variables.contains(variable)).expect(variable);
        assert_eq!(loaded.origin(setting.key), *variable);
        let json = settings::as_json(&loaded);
        let pointer = format!("/settings/{}", setting.key.replace('.', "/"));
        assert_eq!(json.pointer(&pointer).map(ToString::to_string).as_deref(), Some(*shown), "{variable}");
    }
    // These need company.
    for topics in ["DNS_KAFKA_TOPIC", "DNS_KAFKA_TOPICS"] {
        let loaded = with(&[("DNS_KAFKA_ADDRESS", "a:1 b:2"), (topics, "t1,t2")]);
        assert_eq!(loaded.settings.kafka.brokers, ["a:1", "b:2"]);
        assert_eq!(loaded.settings.kafka.topics, ["t1", "t2"]);
    }
    let loaded = with(&[
        ("DNS_KAFKA_ADDRESS", "a:1"),
        ("DNS_KAFKA_TOPIC", "t"),
        ("DNS_KAFKA_SASL_ENABLE", "true"),
        ("DNS_KAFKA_USER", "u"),
        ("DNS_KAFKA_PASSWORD", "p"),
        ("DNS_KAFKA_SASL_MECHANISM", "SCRAM-SHA-256"),
    ]);
    assert!(loaded.settings.kafka.sasl.enabled);
    assert_eq!(loaded.settings.kafka.sasl.password.expect("given").reveal(), "p");
    let loaded =
        with(&[("DNS_ADMIN_USERNAME", "u"), ("DNS_ADMIN_PASSWORD", "p"), ("DNS_ADMIN_ADDRESS", ":8080")]);
    assert_eq!(addresses(&loaded.settings.admin.address), ["0.0.0.0:8080", "[::]:8080"]);
}

#[test]
fn the_issue_names_no_variable_that_is_missing() {
    let named = "DNS_INSTANCE_ID DNS_ADDRESS DNS_TCP DNS_UDP DNS_ZONES DNS_KAFKA_ADDRESS DNS_KAFKA_TOPIC \
        DNS_KAFKA_TOPICS DNS_KAFKA_SASL_ENABLE DNS_KAFKA_TLS_ENABLE DNS_KAFKA_USER DNS_KAFKA_PASSWORD \
        DNS_KAFKA_SASL_MECHANISM DNS_METRICS_BUFFER_SIZE DNS_METRICS_FLUSH_INTERVAL DNS_AGENT_METRICS_BUFFER_SIZE \
        DNS_AGENT_METRICS_FLUSH_INTERVAL DNS_PATHDB DNS_STATSD_ADDRESS DNS_STATSD_PREFIX DNS_RESOLVER_ADDRESS \
        DNS_ADMIN_USERNAME DNS_ADMIN_PASSWORD DNS_ADMIN_ADDRESS DNS_ADMIN_JWTSECRET DNS_LOCAL_RECORDS \
        DNS_DISALLOW_CNAME_ON_APEX DNS_SENTRY_DSN DNS_RECURSION_ALLOW LOG_LEVEL LOG_FORMAT";
    for variable in named.split_whitespace() {
        assert!(SETTINGS.iter().any(|setting| setting.variables.contains(&variable)), "{variable}");
    }
}

#[test]
fn the_defaults_serve_a_plain_user() {
    let loaded = with(&[]);
    let settings = &loaded.settings;
    assert!(settings.dns.listen.iter().all(|address| address.port() >= 1024 && address.ip().is_loopback()));
    assert!(settings.dns.udp && settings.dns.tcp);
    assert_eq!(settings.journal.path.as_deref().and_then(|path| path.to_str()), Some("journal.jsonl"));
    assert_eq!(settings.producer.target, Target::Journal);
    assert_eq!(settings.resolver.mode, Some(Recursion::Off));
    assert!(settings.admin.address.iter().all(|address| address.ip().is_loopback()));
    assert_eq!((settings.log.level, settings.log.format), (LogLevel::Info, LogFormat::Text));
    assert_eq!(loaded.warnings, Vec::<String>::new());
}

#[test]
fn an_unknown_variable_is_one_warning_that_names_it() {
    let loaded = with(&[
        ("DNS_TCPP", "true"),
        ("DNS_UDPP", ""),
        ("DNS_SERVICE_HOST", "10.0.0.10"),
        ("DNS_SERVICE_PORT", "53"),
        ("DNS_PORT", "tcp://10.0.0.10:53"),
        ("DNS_PORT_53_UDP_ADDR", "10.0.0.10"),
        ("DNS_CONFIG", "x.toml"),
        ("PATH", "/bin"),
    ]);
    assert_eq!(loaded.warnings.len(), 1, "{:?}", loaded.warnings);
    assert!(loaded.warnings[0].contains("DNS_TCPP"));
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let names: Vec<(&str, &str)> =
        SETTINGS.iter().flat_map(|setting| setting.variables.iter().map(|name| (*name, ""))).collect();
    let (empty, none) = (with(&names), with(&[]));
    assert_eq!(empty.settings, none.settings);
    assert_eq!(empty.origin("dns.listen"), "built-in");
}

#[test]
fn what_changes_nothing_is_a_warning() {
    for (variables, word) in [
        (&[("DNS_DISALLOW_CNAME_ON_APEX", "false")][..], "apex"),
        (&[("DNS_SENTRY_DSN", "https://x@sentry.example/1")], "sentry"),
        (&[("DNS_STATSD_PREFIX", "x")], "prefix"),
        (&[("DNS_KAFKA_USER", "x")], "sasl"),
        (&[("DNS_ADMIN_JWTSECRET", "a secret of some length")], "jwt"),
        (&[("DNS_RECURSION_ALLOW", "0.0.0.0/0")], "open resolver"),
    ] {
        let warnings = with(variables).warnings;
        assert!(warnings.len() == 1 && warnings[0].contains(word), "{variables:?}: {warnings:?}");
    }
}

#[test]
fn a_value_that_is_not_allowed_names_key_value_variable_and_what_is() {
    for (variable, value, key, allowed) in [
        ("DNS_UDP", "perhaps", "dns.udp", "true or false"),
        ("DNS_ADDRESS", "nowhere", "dns.listen", "ADDRESS:PORT"),
        ("DNS_METRICS_FLUSH_INTERVAL", "9", "metrics.flush-interval-ms", "10 to 3,600,000"),
        ("DNS_ZONES", "a..b", "dns.zones", "domain names"),
        ("DNS_RECURSION_ALLOW", "10.0.0.1/8", "resolver.allow", "networks"),
        ("DNS_STATSD_ADDRESS", "statsd", "metrics.statsd.address", "HOST:PORT"),
        ("DNS_LOCAL_RECORDS", "a. IN A 192.0", "dns.local-records", "name [ttl] [IN] type content"),
        (
            "DNS_KAFKA_SASL_MECHANISM",
            "GSSAPI",
            "kafka.sasl.mechanism",
            "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512",
        ),
        ("LOG_LEVEL", "loud", "log.level", "trace, debug, info, warn, error or off"),
    ] {
        let text = try_with(&[(variable, value)]).expect_err(variable).to_string();
        for part in [variable, value, key, allowed] {
            assert!(text.contains(part), "`{part}` is missing in: {text}");
        }
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    for (variables, first, second) in [
        (&[("DNS_UDP", "false"), ("DNS_TCP", "false")][..], "dns.udp", "dns.tcp"),
        (&[("DNS_KAFKA_ADDRESS", "a:1")], "kafka.brokers", "kafka.topics"),
        (&[("DNS_KAFKA_TOPIC", "t")], "kafka.brokers", "kafka.topics"),
        (
            &[("DNS_KAFKA_SASL_ENABLE", "true"), ("DNS_KAFKA_USER", "u"), ("DNS_KAFKA_PASSWORD", "p")],
            "kafka.sasl.enabled",
            "kafka.sasl.mechanism",
        ),
        (&[("DNS_KAFKA_TLS_CA", "ca.pem")], "kafka.tls.enabled", "kafka.tls.ca"),
        (
            &[("DNS_KAFKA_TLS_ENABLE", "1"), ("DNS_KAFKA_TLS_CERT", "c.pem")],
            "kafka.tls.cert",
            "kafka.tls.key",
        ),
        (&[("DNS_PRODUCER_TARGET", "kafka")], "producer.target", "kafka.brokers"),
        (&[("DNS_RESOLVER_MODE", "forward")], "resolver.mode", "resolver.servers"),
        (
            &[("DNS_RESOLVER_MODE", "off"), ("DNS_RESOLVER_ADDRESS", "9.9.9.9")],
            "resolver.mode",
            "resolver.servers",
        ),
        (
            &[("DNS_RESOLVER_MODE", "off"), ("DNS_RECURSION_ALLOW", "10.0.0.0/8")],
            "resolver.mode",
            "resolver.allow",
        ),
        (
            &[("DNS_RESOLVER_MODE", "iterate"), ("DNS_RESOLVER_ADDRESS", "9.9.9.9")],
            "resolver.mode",
            "resolver.servers",
        ),
        (
            &[("DNS_RESOLVER_ROOTS", "192.0.2.1"), ("DNS_RESOLVER_ADDRESS", "9.9.9.9")],
            "resolver.roots",
            "resolver.servers",
        ),
        (&[("DNS_ADMIN_USERNAME", "u")], "admin.username", "admin.password"),
        (&[("DNS_ADMIN_ADDRESS", ":8080")], "admin.address", "admin.username"),
        (&[("DNS_ADMIN_ADDRESS", "127.0.0.1:5300")], "admin.address", "dns.listen"),
        (&[("DNS_JOURNAL_PATH", "x"), ("DNS_PATHDB", "x")], "journal.path", "store.path"),
        (&[("DNS_JOURNAL_PATH", "a/x"), ("DNS_PATHDB", "./a/./x")], "journal.path", "store.path"),
        (&[("DNS_PATHDB", "journal.jsonl")], "journal.path", "store.path"),
        (
            &[("DNS_KAFKA_ADDRESS", "a:1"), ("DNS_KAFKA_TOPIC", "t"), ("DNS_KAFKA_TOPICS", "u")],
            "DNS_KAFKA_TOPICS",
            "DNS_KAFKA_TOPIC",
        ),
    ] {
        let error = try_with(variables).expect_err(&format!("{variables:?}"));
        assert_eq!(error.problems.len(), 1, "{error}");
        assert!(
            matches!(&error.problems[0], Problem::Contradiction { first: one, second: two, .. }
                if one.starts_with(first) && two.starts_with(second)),
            "{error}"
        );
    }
}

#[test]
fn recursion_is_what_was_asked_for() {
    for (variables, mode) in [
        (&[][..], Recursion::Off),
        (&[("DNS_RESOLVER_ADDRESS", "9.9.9.9")], Recursion::Forward),
        (&[("DNS_RECURSION_ALLOW", "10.0.0.0/8")], Recursion::Iterate),
        (&[("DNS_RESOLVER_ROOTS", "192.0.2.1")], Recursion::Iterate),
        (&[("DNS_RESOLVER_ADDRESS", "9.9.9.9"), ("DNS_RECURSION_ALLOW", "10.0.0.0/8")], Recursion::Forward),
        (&[("DNS_RESOLVER_MODE", "iterate")], Recursion::Iterate),
    ] {
        let resolver = with(variables).settings.resolver;
        assert_eq!(resolver.mode, Some(mode), "{variables:?}");
        assert!(resolver.allow.iter().all(|network| network.prefix_len() > 0), "nobody is let in unasked");
    }
}

#[test]
fn secrets_are_never_printed() {
    let loaded = with(&[
        ("DNS_ADMIN_USERNAME", "u"),
        ("DNS_ADMIN_PASSWORD", "hunter2"),
        ("DNS_ADMIN_JWTSECRET", "hunter2hunter2hunter2"),
        ("DNS_KAFKA_PASSWORD", "hunter2"),
    ]);
    for text in [settings::as_toml(&loaded), settings::as_json(&loaded).to_string(), format!("{loaded:?}")] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    let flags = [Flag {
        name: "--password",
        key: "admin.password",
        values: vec!["hunter2".into(), "hunter2".into()],
    }];
    let error = load(&Inputs { flags: &flags, ..Inputs::default() }).expect_err("two passwords").to_string();
    assert!(error.contains("admin.password") && !error.contains("hunter2"), "{error}");
}
