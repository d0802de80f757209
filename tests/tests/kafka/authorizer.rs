//! A broker with access lists: what a node needs, and what it says where it may not do something (docs/operations.md,
//! "Kafka: what a node may do").

use crate::security::{Sasl, scram_user, write_settings};
use crate::{address, client, gone, node, served, source, zone};
use anyhow::{Result, ensure};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use std::path::Path;
use std::time::Instant;
use stream_dns_tests::{Broker, Server, eventually, free_port, real_parts};

/// A broker where everybody who does not log in may do everything, and who logs in by SCRAM what the lists say.
fn properties(sasl: u16, port: u16, controller: u16) -> String {
    let open = format!("PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{sasl}");
    format!(
        "listeners={open},CONTROLLER://127.0.0.1:{controller}\nadvertised.listeners={open}\n\
         sasl.enabled.mechanisms=SCRAM-SHA-256\n\
         listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config=\
         org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
         super.users=User:ANONYMOUS\n"
    )
}

/// Lets a user do these things with a topic.
fn grant(broker: &Broker, how: &str, user: &str, topic: &str, operations: &[&str]) -> Result<()> {
    let principal = format!("User:{user}");
    let mut arguments = vec!["AclCommand", how, "--allow-principal", &principal, "--topic", topic];
    arguments.extend(operations.iter().flat_map(|operation| ["--operation", operation]));
    if how == "--remove" {
        arguments.push("--force");
    }
    broker.tool(&arguments).map(drop)
}

/// The settings of a node that logs in as this user.
fn log_in(folder: &Path, port: u16, topic: &str, user: &str) -> Result<()> {
    let sasl = Sasl { mechanism: "SCRAM-SHA-256", user, password: "scram secret" };
    write_settings(folder, port, topic, None, Some(&sasl))
}

/// What is told of the only source of a node, as soon as it is told.
fn told(server: &Server, field: &str, words: &str) -> String {
    eventually(&format!("{field} says {words:?}"), || {
        let told = source(server).ok()?[field].to_string();
        told.contains(words).then_some(told)
    })
}

/// A node that may `Read` and `Describe` its topic, and nothing else in the cluster, works; that it may not read the
/// topic's configuration is a warning, with what follows; that it may not write is told to who writes. One that may
/// not even `Describe` is told what to grant, serves nothing, and goes on by itself when it is granted. Where rights
/// are taken away, what was served stays served.
#[test]
fn read_and_describe_are_enough_and_what_is_not_allowed_is_told() -> Result<()> {
    if !real_parts("kafka: access lists") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let sasl = free_port()?;
    let broker = Broker::own(folder.path(), |port, controller| properties(sasl, port, controller))?;
    for user in ["reader", "stranger"] {
        scram_user(&broker, user, "SCRAM-SHA-256", "scram secret")?;
    }
    let topic = broker.topic("guarded", 3, &["delete.retention.ms=3600000"])?;
    grant(&broker, "--add", "reader", &topic, &["Read", "Describe"])?;
    broker.publish(&topic, &zone("foo.example."))?;
    broker.publish(&topic, &[address("www.foo.example.", "192.0.2.1")])?;

    let (own, other) = (tempfile::tempdir()?, tempfile::tempdir()?);
    log_in(own.path(), sasl, &topic, "reader")?;
    log_in(other.path(), sasl, &topic, "stranger")?;
    let server = node(own.path()).ready()?;
    let mut asker = server.asker()?;
    served(&mut asker, "www.foo.example.", &["192.0.2.1"]);
    broker.publish(&topic, &[address("new.foo.example.", "192.0.2.2")])?;
    served(&mut asker, "new.foo.example.", &["192.0.2.2"]);
    let warnings = told(&server, "warnings", "DescribeConfigs");
    println!("{warnings}");
    ensure!(warnings.contains("not allowed") && warnings.contains("24 hours"), "{warnings}");
    ensure!(server.metric("dns_source_warnings", "")? == 1.0);
    let status = source(&server)?;
    ensure!(status["connected"] == true && status["last_error"].is_null() && status["alarm"].is_null());

    // Who writes with the same user is told what is lacking, one after the other, and nothing is published.
    let write = |content: &str| -> Result<(bool, String)> {
        let begun = Instant::now();
        let arguments = ["record", "set", "www.foo.example", "A", content, "--config", "node.toml"];
        let output = client(own.path(), &arguments)?;
        let said = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
        println!("after {:.1?}: {said}", begun.elapsed());
        Ok((output.status.success(), said))
    };
    let (done, said) = write("192.0.2.8")?;
    ensure!(!done && said.contains("grant Write and Describe on transactional ids"), "{said}");
    let ids = format!("{topic}/");
    let mut arguments =
        vec!["AclCommand", "--add", "--allow-principal", "User:reader", "--transactional-id", &ids];
    arguments.extend([
        "--resource-pattern-type",
        "prefixed",
        "--operation",
        "Write",
        "--operation",
        "Describe",
    ]);
    broker.tool(&arguments)?;
    let (done, said) = write("192.0.2.8")?;
    ensure!(!done && said.contains("grant Read, Write and Describe on the topic"), "{said}");
    grant(&broker, "--add", "reader", &topic, &["Write"])?;
    ensure!(asker.ask("www.foo.example.", RecordType::A)?.data() == ["192.0.2.1"]);
    let (done, said) = write("192.0.2.9")?;
    ensure!(done, "{said}");
    served(&mut asker, "www.foo.example.", &["192.0.2.9"]);

    // With the right to look at the configuration the warning goes.
    grant(&broker, "--add", "reader", &topic, &["DescribeConfigs"])?;
    ensure!(server.stop()?.status.success());
    let server = node(own.path()).ready()?;
    let mut asker = server.asker()?;
    eventually("the node knows the configuration", || {
        let source = source(&server).ok()?;
        (source["in_step"].is_i64() && source["warnings"].as_array()?.is_empty()).then_some(())
    });

    // Nothing at all is allowed to this one.
    let stranger = node(other.path()).start()?;
    let error = told(&stranger, "last_error", "grant Read and Describe");
    println!("{error}");
    ensure!(error.contains(&topic), "{error}");
    ensure!(stranger.get("/readyz")?.0 == 503);
    ensure!(stranger.asker()?.ask("www.foo.example.", RecordType::A)?.rcode() == ResponseCode::ServFail);
    grant(&broker, "--add", "stranger", &topic, &["Read", "Describe"])?;
    served(&mut stranger.asker()?, "new.foo.example.", &["192.0.2.2"]);
    stranger.wait_ready();

    // What is taken away from one that runs is told as well, and is staleness.
    grant(&broker, "--remove", "reader", &topic, &["Read", "Describe", "DescribeConfigs", "Write"])?;
    let error = told(&server, "last_error", "grant Read and Describe");
    println!("{error}");
    ensure!(source(&server)?["alarm"].is_null() && server.get("/readyz")?.0 == 200);
    broker.publish(&topic, &[address("later.foo.example.", "192.0.2.3")])?;
    ensure!(asker.ask("www.foo.example.", RecordType::A)?.data() == ["192.0.2.9"]);
    gone(&mut asker, "later.foo.example.");
    grant(&broker, "--add", "reader", &topic, &["Read", "Describe"])?;
    served(&mut asker, "later.foo.example.", &["192.0.2.3"]);
    Ok(())
}
