//! The file, and how the layers lie over one another.

use settings::{Flag, Inputs, Loaded, SETTINGS, load};
use std::collections::BTreeMap;
use zone_model::{Name, SourceId};

const FILE: &str = r#"
instance-id = "from-the-file"
[dns]
listen = ["127.0.0.1:5310"]
zones = ["example.com"]
default-ttl = 60
local-records = """
a.example. A 192.0.2.1
b.example. A 192.0.2.2
"""
[kafka]
brokers = ["a:9092"]
topics = ["dns"]
[kafka.properties]
linger.ms = 5
"socket.keepalive.enable" = true
"sasl.oauthbearer.client.secret" = "hunter2"
[metrics]
stdout = true
"#;

fn file(text: &str) -> Inputs<'_> {
    Inputs { file: Some(("node.toml", text)), ..Inputs::default() }
}

fn loaded(inputs: &Inputs<'_>) -> Loaded {
    load(inputs).unwrap_or_else(|error| panic!("{error}"))
}

/// Which zones a log may write, and how its partitions are used, is said of each log.
#[test]
fn each_log_has_its_own_limits_and_partitioning() {
    let text = r#"
[journal]
path = "extra.jsonl"
apexes = ["Extra.example"]
[kafka]
brokers = ["a:9092"]
topics = ["ours", "Customers.eu"]
[kafka.apexes]
"Customers.eu" = ["example.com", "example.org."]
[kafka.partitioning]
ours = "key"
"#;
    let variables = BTreeMap::from([
        ("DNS_KAFKA_ADDRESS".to_owned(), "a:9092".to_owned()),
        ("DNS_KAFKA_TOPICS".to_owned(), "ours Customers.eu".to_owned()),
        ("DNS_KAFKA_APEXES".to_owned(), "Customers.eu=example.com Customers.eu=example.org".to_owned()),
        ("DNS_KAFKA_PARTITIONING".to_owned(), "ours=key".to_owned()),
        ("DNS_JOURNAL_PATH".to_owned(), "extra.jsonl".to_owned()),
        ("DNS_JOURNAL_APEXES".to_owned(), "Extra.example".to_owned()),
    ]);
    let source = SourceId::new;
    let name = |text: &str| text.parse::<Name>().unwrap();
    for own in [loaded(&file(text)), loaded(&Inputs { environment: &variables, ..Inputs::default() })] {
        let limits = own.settings.limits(Some(&source("j")));
        assert!(limits.allow(&source("Customers.eu"), &name("example.org")));
        assert!(!limits.allow(&source("Customers.eu"), &name("example.net")));
        assert!(limits.allow(&source("ours"), &name("example.net")));
        assert_eq!(limits.of(&source("j")), Some(&[name("extra.example")][..]));
        assert!(own.settings.kafka.publishes_by_key());
        // What is printed reads back.
        let again = settings::as_toml(&own);
        assert_eq!(loaded(&file(&again)).settings, own.settings, "{again}");
    }
    let wrong = load(&file(&text.replace("ours = ", "other = "))).unwrap_err().to_string();
    let said = r#"kafka.partitioning = {"other":"key"} (from node.toml) contradicts kafka.topics"#;
    assert!(wrong.starts_with(said), "{wrong}");
    let wrong = load(&file(&text.replace("\"key\"", "\"hash\""))).unwrap_err().to_string();
    assert!(wrong.contains("kafka.partitioning") && wrong.contains("zone or key"), "{wrong}");
}

#[test]
fn flags_lie_over_variables_over_the_file_over_the_defaults() {
    let environment = BTreeMap::from([
        ("DNS_ADDRESS".to_owned(), "127.0.0.1:5320".to_owned()),
        ("DNS_DEFAULT_TTL".to_owned(), "61".to_owned()),
    ]);
    let flags = [Flag {
        name: "--listen",
        key: "dns.listen",
        values: vec!["127.0.0.1:5330".into(), "[::1]:5330".into()],
    }];
    let all = loaded(&Inputs { environment: &environment, flags: &flags, ..file(FILE) });
    assert_eq!(all.settings.dns.listen, ["127.0.0.1:5330".parse().unwrap(), "[::1]:5330".parse().unwrap()]);
    assert_eq!(all.settings.dns.default_ttl, 61);
    assert_eq!(all.settings.dns.zones, ["example.com."]);
    assert_eq!(all.settings.store.path.to_str(), Some("stream-dns.redb"));
    for (key, origin) in [
        ("dns.listen", "--listen"),
        ("dns.default-ttl", "DNS_DEFAULT_TTL"),
        ("dns.zones", "node.toml"),
        ("store.path", "built-in"),
    ] {
        assert_eq!(all.origin(key), origin, "{key}");
    }
    let without_flags = loaded(&Inputs { environment: &environment, ..file(FILE) });
    assert_eq!(without_flags.settings.dns.listen, ["127.0.0.1:5320".parse().unwrap()]);
    let alone = loaded(&file(FILE));
    assert_eq!(alone.settings.dns.listen, ["127.0.0.1:5310".parse().unwrap()]);
}

#[test]
fn a_flag_can_empty_a_list() {
    let flag = |key, values| Flag { name: "--journal", key, values };
    let flags = [
        flag("journal.path", vec!["j".to_owned()]),
        flag("kafka.brokers", Vec::new()),
        flag("kafka.topics", Vec::new()),
    ];
    let all = loaded(&Inputs { flags: &flags, ..file(FILE) });
    assert!(all.settings.kafka.brokers.is_empty() && all.settings.kafka.topics.is_empty());
    assert_eq!(all.settings.producer.target, settings::Target::Journal);
    assert_eq!(all.origin("kafka.brokers"), "--journal");
}

#[test]
fn the_file_is_read() {
    let settings = loaded(&file(FILE)).settings;
    assert_eq!(settings.instance_id.as_deref(), Some("from-the-file"));
    assert_eq!(settings.dns.local_records.lines().count(), 2);
    assert_eq!(settings.metrics.stdout, Some(settings::LogFormat::Text));
    let properties: Vec<_> =
        settings.kafka.properties.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(
        properties,
        [
            ("linger.ms", "5"),
            ("sasl.oauthbearer.client.secret", "hunter2"),
            ("socket.keepalive.enable", "true")
        ]
    );
}

#[test]
fn an_unknown_key_names_itself_its_value_and_what_the_section_has() {
    for (text, key, value, allowed) in [
        ("[dns]\nlissten = \"x\"", "dns.lissten", "\"x\"", "listen, udp, tcp"),
        ("[dsn]\nlisten = 1", "dsn", "a table", "dns, journal, kafka"),
        ("port = 53", "port", "53", "instance-id"),
        ("[kafka.tls]\nverify = false", "kafka.tls.verify", "false", "enabled, ca, cert, key"),
        ("[dns.listen]\nport = 1", "dns.listen", "a table", "ADDRESS:PORT"),
        ("dns = 3", "dns", "3", "instance-id"),
    ] {
        let error = load(&file(text)).expect_err(text).to_string();
        for part in [key, value, "node.toml", allowed] {
            assert!(error.contains(part), "`{part}` is missing in: {error}");
        }
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let error =
        load(&file("x = 1\n[dns]\nlisteners = 5000\n[shutdown]\ndelay-ms = -1\n[admin]\nusername = \"u\""))
            .unwrap_err();
    let text = error.to_string();
    assert_eq!(error.problems.len(), 4, "{text}");
    for part in ["x = 1", "dns.listeners = 5000", "0 to 1,024", "shutdown.delay-ms = -1", "admin.username"] {
        assert!(text.contains(part), "`{part}` is missing in: {text}");
    }
}

/// What the node says of itself goes into one character-string (RFC 1035 section 3.3).
#[test]
fn a_short_text_has_255_octets_at_most() {
    for (key, variable) in [
        ("nsid", "DNS_NSID"),
        ("chaos-version", "DNS_CHAOS_VERSION"),
        ("chaos-hostname", "DNS_CHAOS_HOSTNAME"),
    ] {
        let text = |length: usize| format!("[dns]\n{key} = \"{}\"", "x".repeat(length));
        assert!(load(&file(&text(255))).is_ok(), "{variable}");
        let error = load(&file(&text(256))).expect_err("too long").to_string();
        assert!(error.contains(key) && error.contains("at most 255 octets"), "{error}");
    }
}

#[test]
fn what_is_not_toml_says_where() {
    let error = load(&file("[dns\nlisten = 1")).unwrap_err().to_string();
    assert!(error.contains("node.toml") && error.contains("line 1"), "{error}");
}

#[test]
fn what_is_printed_reads_back_to_the_same_settings() {
    for inputs in [Inputs::default(), file(FILE)] {
        let first = loaded(&inputs);
        let printed = settings::as_toml(&first);
        let second = loaded(&file(&printed));
        let mut expected = first.settings.clone();
        // The one secret in the file is masked, and stays so.
        if let Some(secret) = expected.kafka.properties.get_mut("sasl.oauthbearer.client.secret") {
            assert!(!printed.contains(secret.as_str()), "{printed}");
            *secret = settings::MASK.into();
        }
        assert_eq!(second.settings, expected, "{printed}");
    }
}

#[test]
fn the_effective_configuration_shows_every_setting_and_its_origin() {
    let all = loaded(&file(FILE));
    let (toml, json) = (settings::as_toml(&all), settings::as_json(&all));
    for setting in SETTINGS {
        let name = setting.key.rsplit('.').next().unwrap();
        assert!(toml.contains(&format!("{name} =")), "{}", setting.key);
        let pointer = format!("/settings/{}", setting.key.replace('.', "/"));
        assert!(json.pointer(&pointer).is_some(), "{}", setting.key);
    }
    assert!(toml.contains("listen = [\"127.0.0.1:5310\"]  # node.toml"), "{toml}");
    assert_eq!(json["from"]["dns.listen"], "node.toml");
    assert_eq!(json["from"]["dns.udp"], "built-in");
}
