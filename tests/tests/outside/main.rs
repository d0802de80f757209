//! Recursion, against one NSD on loopback as the outside.
//!
//! The outside claims our own zone too, with data that must never be served. Each test runs twice: once with NSD
//! as the server that is forwarded to, once with NSD as the root and everything below it.

mod scene;

use anyhow::{Result, ensure};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Record, RecordType};
use scene::{FORGED, Outside, ROUTES};
use stream_dns_tests::{Answer, Asker, real_parts};

/// A record as `owner TYPE data`.
fn line(record: &Record) -> String {
    format!("{} {} {}", record.name, record.record_type(), record.data)
}

fn authority(answer: &Answer) -> Vec<String> {
    answer.message.authorities.iter().map(line).collect()
}

/// No section may have anything of what the outside claims of our names.
fn not_forged(answer: &Answer) -> Result<()> {
    let message = &answer.message;
    let mut records = message.answers.iter().chain(&message.authorities).chain(&message.additionals);
    ensure!(!records.any(|record| line(record).contains(FORGED)), "a forged record is served: {message}");
    Ok(())
}

/// RFC 1034 section 4.3.2, steps 3b and 5: the cut is ours, what is below it is not, and whoever wants recursion
/// gets the whole.
#[test]
fn a_delegated_name_is_resolved() -> Result<()> {
    if !real_parts("outside: a delegated name") {
        return Ok(());
    }
    for route in ROUTES {
        let outside = Outside::start(route)?;
        let mut asker = outside.server.asker()?;
        let answer = asker.recurse("host.sub.example.com.", RecordType::A)?;
        println!("{route:?}: {}", answer.message);
        ensure!(answer.rcode() == ResponseCode::NoError && answer.message.metadata.recursion_available);
        ensure!(answer.lines() == ["host.sub.example.com. A 198.51.100.7"], "{:?}", answer.lines());
        ensure!(
            authority(&answer) == ["sub.example.com. NS ns.sub.example.com."],
            "{:?}",
            authority(&answer)
        );
        ensure!(!answer.message.metadata.authoritative, "RFC 1034 section 4.3.1: the data is not ours");

        // Whoever does not ask for recursion gets the referral, with glue.
        let referral = asker.ask("host.sub.example.com.", RecordType::A)?;
        ensure!(referral.message.answers.is_empty() && !referral.message.metadata.authoritative);
        ensure!(authority(&referral) == ["sub.example.com. NS ns.sub.example.com."]);
        ensure!(
            referral
                .message
                .additionals
                .iter()
                .any(|record| line(record) == "ns.sub.example.com. A 127.0.0.1")
        );

        // A name below the cut that does not exist, and one without the type.
        let missing = asker.recurse("missing.sub.example.com.", RecordType::A)?;
        ensure!(
            missing.rcode() == ResponseCode::NXDomain && missing.message.answers.is_empty(),
            "{}",
            missing.message
        );
        let nodata = asker.recurse("host.sub.example.com.", RecordType::TXT)?;
        ensure!(nodata.rcode() == ResponseCode::NoError && nodata.message.answers.is_empty());
        // A name below the cut that leads back above it.
        let back = asker.recurse("alias.sub.example.com.", RecordType::A)?;
        ensure!(
            back.lines()
                == ["alias.sub.example.com. CNAME www.example.com.", "www.example.com. A 192.0.2.80"],
            "{:?}",
            back.lines()
        );
    }
    Ok(())
}

/// A chain that leads out of our zone and back ends with our data, not with what the outside says of us.
#[test]
fn a_chain_that_leads_out_and_back_ends_at_home() -> Result<()> {
    if !real_parts("outside: a chain that leads out and back") {
        return Ok(());
    }
    for route in ROUTES {
        let outside = Outside::start(route)?;
        let mut asker = outside.server.asker()?;
        // Twice: from the outside, and from the resolver's cache.
        for _ in 0..2 {
            let answer = asker.recurse("out.example.com.", RecordType::A)?;
            let expected = [
                "out.example.com. CNAME alias.elsewhere.net.",
                "alias.elsewhere.net. CNAME www.example.com.",
                "www.example.com. A 192.0.2.80",
            ];
            ensure!(answer.lines() == expected, "{route:?}: {:?}", answer.lines());
            ensure!(answer.rcode() == ResponseCode::NoError && answer.message.metadata.authoritative);
            not_forged(&answer)?;
        }
        // The last name decides (RFC 6604 section 3), and it is ours: the outside says that it exists.
        let gone = asker.recurse("lost.example.com.", RecordType::A)?;
        ensure!(gone.rcode() == ResponseCode::NXDomain, "{route:?}: {}", gone.message);
        let expected =
            ["lost.example.com. CNAME lost.elsewhere.net.", "lost.elsewhere.net. CNAME missing.example.com."];
        ensure!(gone.lines() == expected, "{route:?}: {:?}", gone.lines());
        ensure!(gone.authority() == [RecordType::SOA] && authority(&gone)[0].starts_with("example.com. SOA"));
        not_forged(&gone)?;

        let away = asker.recurse("away.example.com.", RecordType::A)?;
        ensure!(
            away.lines()
                == ["away.example.com. CNAME www.elsewhere.net.", "www.elsewhere.net. A 198.51.100.80"],
            "{route:?}: {:?}",
            away.lines()
        );
        let nowhere = asker.recurse("nowhere.example.com.", RecordType::A)?;
        ensure!(nowhere.rcode() == ResponseCode::NXDomain, "{route:?}: {}", nowhere.message);
        ensure!(nowhere.lines() == ["nowhere.example.com. CNAME missing.elsewhere.net."]);
        // Who does not ask for recursion gets what is ours.
        let ours = asker.ask("out.example.com.", RecordType::A)?;
        ensure!(
            ours.lines() == ["out.example.com. CNAME alias.elsewhere.net."]
                && ours.rcode() == ResponseCode::NoError
        );
    }
    Ok(())
}

/// Whatever the outside says of our names is never served, be it the answer, in an additional section, or in the
/// resolver's cache.
#[test]
fn a_forged_answer_for_our_own_name_is_never_served() -> Result<()> {
    if !real_parts("outside: a forged answer") {
        return Ok(());
    }
    for route in ROUTES {
        let outside = Outside::start(route)?;
        // The outside does forge.
        let claimed = Asker::new(outside.nsd.address)?.ask("www.example.com.", RecordType::A)?;
        ensure!(claimed.data() == [FORGED]);

        let mut asker = outside.server.asker()?;
        // Each of these brings claims about our names before the resolver: a chain, an exchange with addresses.
        for (name, rtype) in [
            ("alias.elsewhere.net.", RecordType::A),
            ("elsewhere.net.", RecordType::MX),
            ("lost.elsewhere.net.", RecordType::A),
            ("out.example.com.", RecordType::A),
            ("host.sub.example.com.", RecordType::A),
        ] {
            not_forged(&asker.recurse(name, rtype)?)?;
        }
        for recursion in [true, false] {
            let mut ask = |name, rtype| {
                if recursion { asker.recurse(name, rtype) } else { asker.ask(name, rtype) }
            };
            let www = ask("www.example.com.", RecordType::A)?;
            ensure!(www.data() == ["192.0.2.80"] && www.message.metadata.authoritative, "{}", www.message);
            for (name, rtype, rcode) in [
                // Ours say that there is none.
                ("missing.example.com.", RecordType::A, ResponseCode::NXDomain),
                ("www.example.com.", RecordType::TXT, ResponseCode::NoError),
                ("deep.www.example.com.", RecordType::A, ResponseCode::NXDomain),
            ] {
                let answer = ask(name, rtype)?;
                ensure!(answer.rcode() == rcode && answer.message.answers.is_empty(), "{}", answer.message);
                ensure!(answer.authority() == [RecordType::SOA] && answer.message.metadata.authoritative);
                not_forged(&answer)?;
            }
            for (name, rtype) in [("example.com.", RecordType::NS), ("example.com.", RecordType::SOA)] {
                let answer = ask(name, rtype)?;
                ensure!(
                    answer.lines().iter().all(|line| line.contains("ns1.example.com.")),
                    "{:?}",
                    answer.lines()
                );
                not_forged(&answer)?;
            }
        }
    }
    Ok(())
}

/// Recursion is for those on the list; RA says the truth to everybody (RFC 1035 section 4.1.1).
#[test]
fn a_client_off_the_list_is_refused() -> Result<()> {
    if !real_parts("outside: a client off the list") {
        return Ok(());
    }
    for route in ROUTES {
        let outside = Outside::start(route)?;
        let mut stranger = Asker::from_address(outside.server.udp, "127.0.0.2".parse()?)?;
        let mut friend = outside.server.asker()?;
        // Also once the answer is in the resolver's cache.
        ensure!(friend.recurse("www.elsewhere.net.", RecordType::A)?.data() == ["198.51.100.80"]);
        let refused = stranger.recurse("www.elsewhere.net.", RecordType::A)?;
        ensure!(
            refused.rcode() == ResponseCode::Refused && refused.message.answers.is_empty(),
            "{}",
            refused.message
        );
        ensure!(!refused.message.metadata.recursion_available);

        // What is ours it gets, and no more.
        let ours = stranger.recurse("www.example.com.", RecordType::A)?;
        ensure!(ours.data() == ["192.0.2.80"] && !ours.message.metadata.recursion_available);
        let chain = stranger.recurse("out.example.com.", RecordType::A)?;
        ensure!(chain.lines() == ["out.example.com. CNAME alias.elsewhere.net."], "{:?}", chain.lines());
        ensure!(chain.rcode() == ResponseCode::NoError && !chain.message.metadata.recursion_available);
        let referral = stranger.recurse("host.sub.example.com.", RecordType::A)?;
        ensure!(referral.message.answers.is_empty() && referral.authority() == [RecordType::NS]);
        ensure!(!referral.message.metadata.recursion_available);
    }
    Ok(())
}

/// Names of nobody here: found, without the type, and not there; and nothing of it for who does not ask for
/// recursion.
#[test]
fn names_of_others_are_resolved_on_request() -> Result<()> {
    if !real_parts("outside: names of others") {
        return Ok(());
    }
    for route in ROUTES {
        let outside = Outside::start(route)?;
        let mut asker = outside.server.asker()?;
        for _ in 0..2 {
            let found = asker.recurse("www.elsewhere.net.", RecordType::A)?;
            ensure!(found.lines() == ["www.elsewhere.net. A 198.51.100.80"], "{route:?}: {}", found.message);
            ensure!(found.message.metadata.recursion_available && !found.message.metadata.authoritative);
            let nodata = asker.recurse("www.elsewhere.net.", RecordType::TXT)?;
            ensure!(
                nodata.rcode() == ResponseCode::NoError && nodata.message.answers.is_empty(),
                "{}",
                nodata.message
            );
            let missing = asker.recurse("missing.elsewhere.net.", RecordType::A)?;
            ensure!(missing.rcode() == ResponseCode::NXDomain && missing.message.answers.is_empty());
            for negative in [nodata, missing] {
                ensure!(!negative.message.metadata.authoritative);
                // RFC 2308 section 5: with the SOA, so that it can be cached.
                ensure!(negative.authority() == [RecordType::SOA], "{route:?}: {}", negative.message);
            }
            let large = asker.recurse("large.elsewhere.net.", RecordType::TXT)?;
            ensure!(
                large.message.metadata.truncation || large.message.answers.len() == 12,
                "{}",
                large.message
            );
        }
        let unasked = asker.ask("www.elsewhere.net.", RecordType::A)?;
        ensure!(
            unasked.rcode() == ResponseCode::Refused && unasked.message.answers.is_empty(),
            "{}",
            unasked.message
        );
        ensure!(unasked.message.metadata.recursion_available, "it could have been had");
        ensure!(asker.ask("www.example.com.", RecordType::A)?.message.metadata.recursion_available);
        let resolved = stream_dns_tests::eventually("the questions are counted", || {
            outside.server.metric("dns_resolver_queries_total", "").ok().filter(|count| *count >= 8.0)
        });
        println!("{route:?}: {resolved} questions went to the resolver");
    }
    Ok(())
}
