//! `zone …` as it is typed, on journals and zone files in temporary directories.

use command_line::{Cli, ClientSettings, Command, Console, LogTarget, run_on};
use std::fs;
use std::io::{BufRead, Read};
use std::path::PathBuf;
use std::process::ExitCode;

/// A directory with a journal and zone files.
struct Place {
    directory: tempfile::TempDir,
    settings: ClientSettings,
}

/// What a command did.
struct Done {
    code: Option<ExitCode>,
    out: String,
    err: String,
    error: String,
}

const ZONE: &str = "$TTL 1h\n@ SOA ns host 1 2h 1h 2w 5m\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n A 192.0.2.3\n\
                    www TXT \"a text\"\nalias CNAME www\n";

// === impl Place ===

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log = Some(LogTarget::Journal(directory.path().join("journal.jsonl")));
        Self { directory, settings: ClientSettings { log, ..ClientSettings::default() } }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Runs a command; a word in angle brackets is a file of the place.
    fn run(&self, line: &str) -> Done {
        self.run_with(line, None)
    }

    fn run_with(&self, line: &str, input: Option<&[u8]>) -> Done {
        self.run_asked(line, input)
    }

    fn run_asked(&self, line: &str, mut input: Option<impl BufRead>) -> Done {
        let word = |word: &str| match word.split_once('<') {
            Some((before, name)) => {
                format!("{before}{}", self.path(name.trim_end_matches('>')).display())
            }
            None => word.to_owned(),
        };
        let words = std::iter::once("stream-dns".to_owned()).chain(line.split_whitespace().map(word));
        let cli = Cli::try_parse_from(words).unwrap();
        let Command::Client(command) = cli.command else { panic!("`{line}` is the binary's") };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let input = input.as_mut().map(|input| input as &mut dyn BufRead);
        let mut console = Console { out: &mut out, err: &mut err, input, live: false };
        let done = run_on(&command, &self.settings, &mut console);
        Done {
            error: done.as_ref().err().map(|error| format!("{error:#}")).unwrap_or_default(),
            code: done.ok(),
            out: String::from_utf8(out).unwrap(),
            err: String::from_utf8(err).unwrap(),
        }
    }

    fn imported() -> Self {
        let place = Self::new();
        place.file("zone", ZONE);
        let done = place.run("zone import example.com <zone>");
        assert!(done.ok(), "{}", done.error);
        place
    }
}

// === impl Done ===

impl Done {
    fn ok(&self) -> bool {
        self.code == Some(ExitCode::SUCCESS)
    }
}

#[test]
fn a_zone_comes_in_and_goes_out_the_same() {
    let place = Place::new();
    place.file("zone", ZONE);
    let dry = place.run("zone import example.com <zone> --dry-run");
    assert!(
        dry.ok() && dry.out.contains("+ www.example.com. 3600 IN A 192.0.2.3\n"),
        "{}{}",
        dry.out,
        dry.error
    );
    assert!(!place.path("journal.jsonl").exists());
    let done = place.run("zone import Example.COM <zone> --producer me");
    assert!(done.ok(), "{}", done.error);
    assert!(done.err.contains("example.com.: 6 RRsets added, 0 changed, 0 removed\n"), "{}", done.err);
    assert!(done.out.ends_with("; example.com. has serial 1\n"), "{}", done.out);
    // Long keys alone: each says whose RRset it is.
    let journal = fs::read_to_string(place.path("journal.jsonl")).unwrap();
    assert_eq!(journal.lines().count(), 6);
    assert!(journal.lines().all(|line| line.contains("|example.com.\",\"value\"")), "{journal}");
    for flags in ["", "--relative"] {
        let exported = place.run(&format!("zone export example.com {flags}"));
        assert!(exported.ok(), "{}", exported.error);
        place.file("exported", &exported.out);
        for (left, right) in [
            ("<exported", "log:"),
            ("log:", "<exported"),
            ("<zone", "<exported"),
            ("log:", "log:<journal.jsonl"),
        ] {
            let same = place.run(&format!("zone diff {left} {right} --origin example.com"));
            assert!(same.ok() && same.out.is_empty(), "{flags} {left} {right}: {}{}", same.out, same.error);
        }
        let again = place.run("zone import example.com <exported> --replace");
        assert!(again.ok() && again.out.ends_with("says so already\n"), "{}{}", again.out, again.error);
    }
    let exported = place.run("zone export example.com").out;
    let want = "example.com. 3600 IN SOA ns.example.com. host.example.com. 1 7200 3600 1209600 300\n\
                example.com. 3600 IN NS ns.example.com.\nalias.example.com. 3600 IN CNAME www.example.com.\n\
                ns.example.com. 3600 IN A 192.0.2.1\nwww.example.com. 3600 IN A 192.0.2.2\n\
                www.example.com. 3600 IN A 192.0.2.3\nwww.example.com. 3600 IN TXT \"a text\"\n";
    assert_eq!(exported, want);
}

#[test]
fn without_replace_nothing_goes_and_with_it_somebody_is_asked() {
    let place = Place::imported();
    let changed = ZONE.replace("www TXT \"a text\"\n", "").replace("192.0.2.3", "192.0.2.4");
    place.file("zone", &changed);
    let done = place.run("zone import example.com <zone>");
    assert_eq!(done.out.lines().next(), Some("- www.example.com. 3600 IN A 192.0.2.3"), "{}", done.error);
    assert_eq!(done.out.lines().nth(1), Some("+ www.example.com. 3600 IN A 192.0.2.4"));
    assert!(
        done.out.ends_with("2 events published to the journal ") || done.out.contains("2 events"),
        "{}",
        done.out
    );
    let done = place.run("zone import example.com <zone> --replace");
    assert!(
        done.error.contains("1 of 6 RRsets of example.com. will be removed. Go on? There is nobody to ask"),
        "{}",
        done.error
    );
    let done = place.run_with("zone import example.com <zone> --replace", Some(b"n\n"));
    assert_eq!(done.error, "nothing was published");
    let done = place.run_with("zone import example.com <zone> --replace", Some(b"y\n"));
    assert!(
        done.ok() && done.out.starts_with("- www.example.com. 3600 IN TXT \"a text\"\n"),
        "{}{}",
        done.out,
        done.error
    );
    assert!(
        place.run("zone diff <zone log: --origin example.com").out.lines().all(|line| line.contains(" SOA "))
    );
}

/// Somebody who does something before the answer is yes.
struct Meanwhile<F>(Option<F>);

impl<F: FnOnce()> Read for Meanwhile<F> {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Ok(0)
    }
}

impl<F: FnOnce()> BufRead for Meanwhile<F> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if let Some(act) = self.0.take() {
            act();
        }
        Ok(b"y\n")
    }

    fn consume(&mut self, _: usize) {}
}

/// Two imports of one zone at once: one wins, the other gets a clear conflict; also while a question waits for its
/// answer, and across a compaction. A change of another zone is in nobody's way.
#[test]
fn of_two_imports_at_once_one_wins() {
    for (meanwhile, compact, wins) in [
        ("zone import example.com <other> --quiet", false, false),
        ("zone import example.com <other> --quiet", true, false),
        ("zone import example.net <zone> --quiet", false, true),
        ("zone import example.net <zone> --quiet", true, true),
    ] {
        let place = Place::imported();
        place.file("other", &ZONE.replace("192.0.2.1", "192.0.2.99"));
        place.file("less", &ZONE.replace("www TXT \"a text\"\n", ""));
        let act = || {
            assert!(place.run(meanwhile).ok());
            if compact {
                let journal = place.path("journal.jsonl");
                let done = place.run(&format!("log compact --journal {}", journal.display()));
                assert!(done.ok(), "{}", done.error);
            }
        };
        let mut asked = Meanwhile(Some(act));
        let done = place.run_asked("zone import example.com <less> --quiet --replace", Some(&mut asked));
        assert!(asked.0.is_none(), "nobody was asked: {}", done.error);
        assert_eq!(done.ok(), wins, "{meanwhile}: {}", done.error);
        if !wins {
            assert!(
                done.error.contains("another change of the zone came between")
                    && done.error.contains("ns.example.com. A of example.com. since it was read"),
                "{}",
                done.error
            );
            assert!(
                place
                    .run("zone diff <other log: --origin example.com")
                    .out
                    .lines()
                    .all(|own| own.contains(" SOA "))
            );
        }
    }
}

#[test]
fn so_much_is_not_removed_without_force() {
    let place = Place::imported();
    place.file("zone", "$TTL 1h\n@ SOA ns host 1 2h 1h 2w 5m\n@ NS ns\nns A 192.0.2.1\n");
    let done = place.run("zone import example.com <zone> --replace --yes");
    assert!(done.error.contains("3 of 6 RRsets of example.com. would go, more than 30 %"), "{}", done.error);
    let done = place.run("zone import example.com <zone> --replace --dry-run");
    assert!(done.ok() && done.err.contains("would be refused: 3 of 6"), "{}", done.err);
    let done = place.run("zone import example.com <zone> --replace --yes --force");
    assert!(done.ok(), "{}", done.error);
    assert_eq!(place.run("zone export example.com").out.lines().count(), 3);
    place.file("zone", "$TTL 1h\n@ SOA ns host 1 2h 1h 2w 5m\nns A 192.0.2.1\n");
    let done = place.run("zone import example.com <zone> --replace --yes");
    assert!(done.error.contains("the NS of example.com. would go"), "{}", done.error);
    place.file("zone", "$TTL 1h\n@ NS ns\nns A 192.0.2.1\nnew A 192.0.2.9\n");
    let done = place.run("zone import example.com <zone> --replace --yes");
    assert!(done.error.contains("the SOA of example.com. would go"), "{}", done.error);
    let done = place.run("zone import example.com <zone> --replace --yes --force");
    assert!(done.ok() && done.err.contains("the SOA of example.com. stays"), "{}{}", done.err, done.error);
    assert!(!done.out.contains("SOA"), "what stays is no difference: {}", done.out);
}

#[test]
fn a_serial_alone_is_a_change_only_where_it_is_greater() {
    let place = Place::imported();
    place.file("zone", &ZONE.replace("host 1 2h", "host 2026010100 2h"));
    let done = place.run("zone import example.com <zone>");
    assert!(done.out.ends_with("; example.com. has serial 2026010100\n"), "{}{}", done.out, done.error);
    place.file("zone", ZONE);
    let done = place.run("zone import example.com <zone> --replace");
    assert!(done.out.ends_with("says so already\n"), "{}", done.out);
}

#[test]
fn what_is_not_the_zones_is_not_touched() {
    let place = Place::imported();
    for line in [
        "record set sub.example.com SOA ns.sub.example.com.\u{a0}h.\u{a0}1\u{a0}2\u{a0}3\u{a0}4\u{a0}5",
        "record set www.sub.example.com A 192.0.2.9",
    ] {
        let words: Vec<_> = std::iter::once("stream-dns".to_owned())
            .chain(line.split(' ').map(|word| word.replace('\u{a0}', " ")))
            .collect();
        let Command::Client(command) = Cli::try_parse_from(words).unwrap().command else { panic!() };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console { out: &mut out, err: &mut err, input: None, live: false };
        run_on(&command, &place.settings, &mut console).unwrap();
    }
    // Nor an SOA that begins another zone.
    place.file(
        "zone",
        &format!("{ZONE}sub NS ns.sub\nns.sub A 192.0.2.8\nwww.other. A 192.0.2.1\nx SOA . . 1 2 3 4 5\n"),
    );
    let done = place.run("zone import example.com <zone> --replace --yes");
    assert!(done.ok(), "{}", done.error);
    assert!(
        done.err.contains("error: www.other. A: the name is not in the zone example.com."),
        "{}",
        done.err
    );
    assert!(done.err.contains("1 RRsets outside the zone are left out"), "{}", done.err);
    assert!(!done.out.contains("www.sub"), "{}", done.out);
    let list = place.run("zone list --from-log");
    assert!(
        list.out.contains("example.com. serial 2 rrsets 8\nsub.example.com. serial 2"),
        "{}{}",
        list.out,
        list.error
    );
    // The parent's NS of the cut is the parent's alone, under its own key.
    let exported = place.run("zone export sub.example.com").out;
    assert!(!exported.contains(" NS "), "{exported}");
    let done = place.run("zone delete example.com --yes");
    assert!(done.ok(), "{}", done.error);
    let list = place.run("zone list --from-log --json");
    let json: serde_json::Value = serde_json::from_str(&list.out).unwrap();
    assert_eq!((json.as_array().unwrap().len(), &json[0]["name"]), (1, &"sub.example.com.".into()));
}

#[test]
fn a_zone_that_was_deleted_comes_back_with_a_greater_serial() {
    let place = Place::imported();
    let done = place.run("zone delete example.com");
    assert!(done.error.contains("with 6 RRsets will be deleted"), "{}", done.error);
    let done = place.run("zone delete example.com --yes");
    assert!(done.ok(), "{}", done.error);
    let done = place.run("zone export example.com");
    assert!(done.error.contains("has no zone example.com."), "{}", done.error);
    assert!(place.run("zone delete example.com --yes").error.contains("has no zone"));
    let done = place.run("zone import example.com <zone>");
    assert!(done.ok() && !done.out.ends_with("serial 1\n"), "{}{}", done.out, done.error);
}

#[test]
fn a_signed_zone_is_refused_or_imported_unsigned() {
    let place = Place::new();
    place.file("zone", &format!("{ZONE}@ DNSKEY 256 3 8 AA==\n@ RRSIG NS 8 2 1 20300101000000 20200101000000 1 @ AA==\n@ NSEC www NS\n"));
    let done = place.run("zone import example.com <zone>");
    assert!(done.error.contains("is signed") && done.error.contains("--unsigned"), "{}", done.error);
    let done = place.run("zone import example.com <zone> --unsigned --json");
    let json: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((&json["added"], &json["events"], &json["parts"]), (&6.into(), &6.into(), &1.into()));
}

#[test]
fn a_large_zone_is_published_in_parts_that_say_so() {
    let place = Place::new();
    let names = |count: usize| {
        (0..count).map(|number| format!("h{number} A 10.0.{}.{}\n", number / 256, number % 256))
    };
    place.file("zone", &(ZONE.to_owned() + &names(12_000).collect::<String>()));
    let done = place.run("zone import example.com <zone> --quiet");
    assert!(done.ok(), "{}", done.error);
    assert!(
        done.err.contains("12006 RRsets change, more than")
            && done.err.contains("in 2 parts, and the change is not atomic"),
        "{}",
        done.err
    );
    assert_eq!(done.out.lines().count(), 1);
    // Each part is a change of its own, and its SOA stands first.
    let journal = fs::read_to_string(place.path("journal.jsonl")).unwrap();
    let (mut changes, mut serials) = (Vec::new(), Vec::new());
    for line in journal.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = event["headers"]["change-id"].as_str().unwrap().to_owned();
        if changes.last() != Some(&id) {
            assert!(event["key"].as_str().unwrap().starts_with("example.com.|SOA"), "{line}");
            assert!(!changes.contains(&id), "{id} is one run of lines");
            let soa = event["value"][0]["content"].as_str().unwrap();
            serials.push(soa.split(' ').nth(2).unwrap().parse::<u32>().unwrap());
            changes.push(id);
        }
    }
    assert_eq!(changes.len(), 2);
    assert!(serials.is_sorted_by(|before, after| before < after), "{serials:?}");
    let same = place.run("zone diff <zone log: --origin example.com");
    assert!(same.out.lines().all(|line| line.contains(" SOA ")), "{}", same.out);
    place.file("zone", &(ZONE.to_owned() + &names(8_500).collect::<String>()));
    let done = place.run("zone import example.com <zone> --quiet --replace --yes");
    assert!(
        done.ok() && done.err.contains("0 RRsets added, 0 changed, 3500 removed"),
        "{}{}",
        done.err,
        done.error
    );
    let done = place.run("zone delete example.com --yes");
    assert!(done.ok(), "{}", done.error);
    assert_eq!(place.run("zone list --from-log").out, "");
}

#[test]
fn check_prints_errors_and_what_is_odd() {
    let place = Place::new();
    place.file("zone", "$TTL 1h\n@ SOA ns host 1 2h 1h 2w 5m\n@ NS ns\nns A 192.0.2\nwww HUGO\n");
    let done = place.run("zone check example.com <zone>");
    assert_eq!(done.code, Some(ExitCode::FAILURE));
    assert!(done.out.ends_with("zone:4:6: A address: `192.0.2` is not an IPv4 address\n"), "{}", done.out);
    assert_eq!(done.out.lines().count(), 1);
    assert_eq!(place.run("zone check example.com <zone> --keep-going").out.lines().count(), 2);
    let json: serde_json::Value =
        serde_json::from_str(&place.run("zone check example.com <zone> --keep-going --json").out).unwrap();
    let error = &json["errors"][1];
    assert_eq!((&error["line"], &error["column"], &error["token"]), (&5.into(), &5.into(), &"HUGO".into()));
    place.file("zone", &format!("{ZONE}www 60 A 192.0.2.2\nsub NS ns.sub\n"));
    let done = place.run("zone check example.com <zone>");
    assert_eq!(done.code, Some(ExitCode::FAILURE));
    assert!(
        done.out.contains("zone:9: warning: www.example.com. A: the TTLs of its records differ; 60 s"),
        "{}",
        done.out
    );
    assert!(
        done.out.contains("error: sub.example.com. NS: the name server ns.sub.example.com. lies in"),
        "{}",
        done.out
    );
    assert!(
        done.err.ends_with("serial 1 rrsets 7 records 8: 1 error, 1 warning, 1 notice\n"),
        "{}",
        done.err
    );
    place.file("zone", ZONE);
    let done = place.run("zone check example.com <zone> --json");
    assert!(done.ok(), "{}", done.out);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&done.out).unwrap()["records"], 7);
    assert!(place.run("zone check example.com <none>").error.contains("cannot be read"));
}

#[test]
fn files_are_included_from_below_one_directory_alone() {
    let place = Place::new();
    fs::create_dir(place.path("zones")).unwrap();
    fs::create_dir(place.path("zones/more")).unwrap();
    place.file("secret", "x TXT secret\n");
    place.file("zones/more/hosts", "h A 192.0.2.7\n");
    std::os::unix::fs::symlink(place.path("secret"), place.path("zones/link")).unwrap();
    place.file("zones/zone", &format!("{ZONE}$INCLUDE more/hosts\n"));
    assert!(place.run("zone check example.com <zones/zone>").err.contains("records 8"));
    let secret = place.path("secret");
    for wanted in ["../secret", "link", "more", "none", &secret.display().to_string()] {
        place.file("zones/zone", &format!("{ZONE}$INCLUDE {wanted}\n"));
        let done = place.run("zone check example.com <zones/zone>");
        assert!(
            done.out.contains("zone:9:10: $INCLUDE") && !done.out.contains("TXT"),
            "{wanted}: {}",
            done.out
        );
    }
    place.file("zones/zone", &format!("{ZONE}$INCLUDE zones/../secret\n"));
    let done = place.run(&format!(
        "zone check example.com <zones/zone> --include-dir {}",
        place.directory.path().display()
    ));
    assert!(done.err.contains("records 8"), "{}{}", done.out, done.err);
}

#[test]
fn what_is_compared_must_be_known() {
    let place = Place::imported();
    let done = place.run("zone diff <zone log:");
    assert!(done.error.contains("give --origin NAME"), "{}", done.error);
    let exported = place.run("zone export example.com").out;
    place.file("exported", &exported.replace("192.0.2.3", "192.0.2.5"));
    let done = place.run("zone diff <exported log:");
    let want = "- www.example.com. 3600 IN A 192.0.2.5\n+ www.example.com. 3600 IN A 192.0.2.3\n";
    assert_eq!((done.code, done.out.as_str()), (Some(ExitCode::FAILURE), want), "{}", done.error);
    let json: serde_json::Value =
        serde_json::from_str(&place.run("zone diff <exported log: --json").out).unwrap();
    assert_eq!(json["differences"][0]["new"]["contents"][1], "192.0.2.3");
    let done = place.run("zone diff <exported node:127.0.0.1:1");
    assert!(done.error.contains("the node 127.0.0.1:1 cannot be asked"), "{}", done.error);
    assert!(place.run("zone diff <exported node:").error.contains("no node is configured"));
    assert!(place.run("zone diff <exported store:<nothing").error.contains("there is no store"));
    assert!(place.run("zone diff - -").error.contains("cannot be both sides"));
    let json: serde_json::Value =
        serde_json::from_str(&place.run("zone export example.com --json").out).unwrap();
    assert_eq!((&json["serial"], &json["rrsets"][0]["type"]), (&1.into(), &"NS".into()));
    // A file as it would be exported, and a log as it is checked.
    assert_eq!(
        place.run("zone export example.com <exported").out,
        exported.replace("192.0.2.3", "192.0.2.5")
    );
    assert_eq!(
        place.run("zone check example.com log:").err,
        "example.com. serial 1 rrsets 6 records 7: nothing remarkable\n"
    );
}
