//! Brokers that do not let everybody in, and properties that are not passed through.

use crate::{address, command_and_wait, node, served, source, zone};
use anyhow::{Result, ensure};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use stream_dns_tests::{Broker, ServerBuilder, client, eventually, free_port, real_parts, run};

/// Makes a certificate of an authority of the test's own: `NAME.pem` and `NAME.key`.
fn certificate(folder: &Path, name: &str, authority: Option<&str>) -> Result<()> {
    let mut command = Command::new("openssl");
    command
        .current_dir(folder)
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj"]);
    command.arg(format!("/CN={name}")).args([
        "-keyout",
        &format!("{name}.key"),
        "-out",
        &format!("{name}.pem"),
    ]);
    if let Some(authority) = authority {
        command.args(["-CA", &format!("{authority}.pem"), "-CAkey", &format!("{authority}.key")]);
        command.args(["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]);
        command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    }
    run(command).map(drop)
}

/// The doors of the broker.
struct Doors {
    /// TLS, with the client's certificate alone.
    tls: u16,
    /// PLAIN or SCRAM within TLS.
    sasl_tls: u16,
    /// SCRAM in the clear.
    sasl: u16,
}

/// What the broker is told to have these doors.
fn properties(folder: &Path, doors: &Doors, port: u16, controller: u16) -> String {
    let listeners = |names: &[(&str, u16)]| -> String {
        let all = names.iter().map(|(name, port)| format!("{name}://127.0.0.1:{port}"));
        all.collect::<Vec<_>>().join(",")
    };
    let mut open = vec![
        ("PLAINTEXT", port),
        ("SSL", doors.tls),
        ("SASL_SSL", doors.sasl_tls),
        ("SASL_PLAINTEXT", doors.sasl),
    ];
    let advertised = listeners(&open);
    open.push(("CONTROLLER", controller));
    let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    format!(
        "listeners={listeners}\nadvertised.listeners={advertised}\n\
         sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\n\
         listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
         required user_node=\"plain secret\";\n\
         listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={scram}\n\
         listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config={scram}\n\
         listener.name.sasl_plaintext.sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512\n\
         listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config={scram}\n\
         listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config={scram}\n\
         ssl.keystore.type=PEM\nssl.keystore.location={folder}/broker.keystore.pem\n\
         ssl.truststore.type=PEM\nssl.truststore.location={folder}/authority.pem\n\
         listener.name.ssl.ssl.client.auth=required\nlistener.name.sasl_ssl.ssl.client.auth=requested\n",
        listeners = listeners(&open),
        folder = folder.display(),
    )
}

/// Who logs in, and how.
pub(crate) struct Sasl<'a> {
    pub(crate) mechanism: &'a str,
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
}

/// Writes the settings of a node that comes in by one door.
pub(crate) fn write_settings(
    folder: &Path,
    port: u16,
    topic: &str,
    tls: Option<&[(&str, &str)]>,
    sasl: Option<&Sasl<'_>>,
) -> Result<()> {
    let mut text = format!("[kafka]\nbrokers = [\"127.0.0.1:{port}\"]\ntopics = [\"{topic}\"]\n");
    if let Some(files) = tls {
        text.push_str("[kafka.tls]\nenabled = true\n");
        for (key, file) in files {
            text.push_str(&format!("{key} = \"{file}\"\n"));
        }
    }
    if let Some(Sasl { mechanism, user, password }) = sasl {
        text.push_str(&format!(
            "[kafka.sasl]\nenabled = true\nmechanism = \"{mechanism}\"\nuser = \"{user}\"\npassword = \"{password}\"\n"
        ));
    }
    Ok(fs::write(folder.join("node.toml"), text)?)
}

/// The same, as the user `node`.
fn settings(
    folder: &Path,
    port: u16,
    topic: &str,
    tls: Option<&[(&str, &str)]>,
    sasl: Option<(&str, &str)>,
) -> Result<()> {
    let sasl = sasl.map(|(mechanism, password)| Sasl { mechanism, user: "node", password });
    write_settings(folder, port, topic, tls, sasl.as_ref())
}

/// Makes a user who logs in by SCRAM. Several mechanisms together in one call, Kafka's tool takes the first alone.
pub(crate) fn scram_user(broker: &Broker, user: &str, mechanism: &str, password: &str) -> Result<()> {
    let credential = format!("{mechanism}=[password={password}]");
    let arguments = ["ConfigCommand", "--alter", "--entity-type", "users", "--entity-name", user];
    broker.tool(&[&arguments[..], &["--add-config", &credential]].concat()).map(drop)
}

/// PLAIN and both SCRAM mechanisms, TLS with the broker's authority and with a client certificate: the node reads,
/// the command line writes. Who is not let in says so, and is never ready.
#[test]
fn brokers_that_ask_who_is_there() -> Result<()> {
    if !real_parts("kafka: SASL and TLS") {
        return Ok(());
    }
    let keys = tempfile::tempdir()?;
    certificate(keys.path(), "authority", None)?;
    certificate(keys.path(), "stranger", None)?;
    certificate(keys.path(), "broker", Some("authority"))?;
    certificate(keys.path(), "client", Some("authority"))?;
    let file = |name: &str| keys.path().join(name);
    let keystore = [fs::read(file("broker.key"))?, fs::read(file("broker.pem"))?].concat();
    fs::write(file("broker.keystore.pem"), keystore)?;
    let doors = Doors { tls: free_port()?, sasl_tls: free_port()?, sasl: free_port()? };
    let broker =
        Broker::own(keys.path(), |port, controller| properties(keys.path(), &doors, port, controller))?;
    for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
        scram_user(&broker, "node", mechanism, "scram secret")?;
    }
    let topic = broker.topic("secured", 3, &[])?;
    broker.publish(&topic, &zone("foo.example."))?;
    broker.publish(&topic, &[address("www.foo.example.", "192.0.2.1")])?;

    let (authority, stranger) =
        (file("authority.pem").display().to_string(), file("stranger.pem").display().to_string());
    let (cert, key) = (file("client.pem").display().to_string(), file("client.key").display().to_string());
    let trusting = [("ca", authority.as_str())];
    let known = [("ca", authority.as_str()), ("cert", &cert), ("key", &key)];
    let misled = [("ca", stranger.as_str())];
    let cases = [
        ("a client certificate", doors.tls, Some(&known[..]), None),
        ("PLAIN within TLS", doors.sasl_tls, Some(&trusting[..]), Some(("PLAIN", "plain secret"))),
        ("PLAIN and a client certificate", doors.sasl_tls, Some(&known[..]), Some(("PLAIN", "plain secret"))),
        (
            "SCRAM-SHA-512 within TLS",
            doors.sasl_tls,
            Some(&trusting[..]),
            Some(("SCRAM-SHA-512", "scram secret")),
        ),
        ("SCRAM-SHA-256", doors.sasl, None, Some(("SCRAM-SHA-256", "scram secret"))),
        ("SCRAM-SHA-512", doors.sasl, None, Some(("SCRAM-SHA-512", "scram secret"))),
    ];
    for (number, (case, port, tls, sasl)) in cases.into_iter().enumerate() {
        let begun = Instant::now();
        let folder = tempfile::tempdir()?;
        settings(folder.path(), port, &topic, tls, sasl)?;
        let server = node(folder.path()).ready()?;
        let mut asker = server.asker()?;
        served(&mut asker, "www.foo.example.", &["192.0.2.1"]);
        let (name, data) = (format!("case-{number}.foo.example."), format!("198.51.100.{number}"));
        command_and_wait(folder.path(), &server, &["record", "set", &name, "A", &data])?;
        ensure!(asker.ask(&name, RecordType::A)?.data() == [data], "{case}");
        println!("{case}: read, written and served in {:.1?}", begun.elapsed());
    }

    // By the older server's variables, in its way to name the mechanism.
    let folder = tempfile::tempdir()?;
    let server = ServerBuilder::new(folder.path())
        .variable("DNS_KAFKA_ADDRESS", format!("127.0.0.1:{}", doors.sasl))
        .variable("DNS_KAFKA_TOPIC", &topic)
        .variable("DNS_KAFKA_SASL_ENABLE", "true")
        .variable("DNS_KAFKA_SASL_MECHANISM", "sha512")
        .variable("DNS_KAFKA_USER", "node")
        .variable("DNS_KAFKA_PASSWORD", "scram secret")
        .ready()?;
    served(&mut server.asker()?, "case-5.foo.example.", &["198.51.100.5"]);

    for (case, port, tls, sasl, reason) in [
        ("no client certificate", doors.tls, Some(&trusting[..]), None, "ssl"),
        (
            "an unknown authority",
            doors.sasl_tls,
            Some(&misled[..]),
            Some(("PLAIN", "plain secret")),
            "certificate",
        ),
        ("a wrong password", doors.sasl_tls, Some(&trusting[..]), Some(("PLAIN", "guessed secret")), "sasl"),
        ("a wrong SCRAM password", doors.sasl, None, Some(("SCRAM-SHA-512", "guessed secret")), "sasl"),
    ] {
        let folder = tempfile::tempdir()?;
        settings(folder.path(), port, &topic, tls, sasl)?;
        let server = node(folder.path()).start()?;
        let error = eventually(&format!("{case} is named"), || {
            let error = source(&server).ok()?["last_error"].as_str()?.to_owned();
            error.to_ascii_lowercase().contains(reason).then_some(error)
        });
        ensure!(!server.json("/v1/status")?.to_string().contains("guessed"), "{case}: the password is shown");
        ensure!(server.get("/readyz")?.0 == 503, "{case}");
        let answer = server.asker()?.ask("www.foo.example.", RecordType::A)?;
        ensure!(answer.rcode() == ResponseCode::ServFail, "{case}: {:?}", answer.rcode());
        let finished = server.stop()?;
        println!("{case}: {error}; stopped in {:.1?}", finished.took);
        ensure!(finished.status.success(), "{case}: {:?}", finished.status);
        ensure!(!finished.log.concat().contains("guessed"), "{case}: the password is logged");
    }
    Ok(())
}

/// What librdkafka may be told is passed through; what would break a promise stops the start with EX_CONFIG.
#[test]
fn properties_that_would_break_a_promise_are_refused() -> Result<()> {
    if !real_parts("kafka: properties of librdkafka") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let write = |property: &str| {
        let text = format!(
            "[kafka]\nbrokers = [\"127.0.0.1:9\"]\ntopics = [\"dns\"]\n[kafka.properties]\n{property}\n"
        );
        fs::write(folder.path().join("node.toml"), text)
    };
    for (property, name) in [
        ("\"group.id\" = \"mine\"", "group.id"),
        ("\"enable.auto.commit\" = true", "enable.auto.commit"),
        ("\"auto.offset.reset\" = \"latest\"", "auto.offset.reset"),
        ("\"isolation.level\" = \"read_uncommitted\"", "isolation.level"),
        ("\"enable.partition.eof\" = false", "enable.partition.eof"),
        ("\"transactional.id\" = \"mine\"", "transactional.id"),
    ] {
        write(property)?;
        for command in ["serve", "check"] {
            let output = client(folder.path(), &[command, "--config", "node.toml"])?;
            let stderr = String::from_utf8_lossy(&output.stderr);
            ensure!(
                output.status.code() == Some(78),
                "{command} with {property}: {:?}, {stderr}",
                output.status
            );
            ensure!(stderr.contains(name), "{command} with {property}: {stderr}");
        }
    }
    write("\"fetch.wait.max.ms\" = 50")?;
    let output = client(folder.path(), &["check", "--config", "node.toml"])?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
