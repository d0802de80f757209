//! Any octets as a zone file: they are read or refused, and what is read prints and reads again as itself.
//!
//! A `\xfe` ends the file; what follows is what an `$INCLUDE` brings, whatever it names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zone_model::Name;
use zone_model::master::{PrintSettings, Settings, print, read_zone};
use zone_model::validate::validate;

fuzz_target!(|octets: &[u8]| {
    let mut files = octets.splitn(2, |&octet| octet == 0xfe);
    let (file, included) = (files.next().unwrap_or_default(), files.next().unwrap_or_default());
    let origin: Name = "example.com.".parse().expect("a name");
    let mut settings =
        Settings { most_generated: 200, most_includes: 20, most_errors: 50, ..Settings::new(origin) };
    let mut include = |_: &str, _: &str| Ok(("included".into(), included.to_vec()));
    let first = read_zone("fuzzed", file, &settings, &mut include);
    settings.keep_going = true;
    let all = read_zone("fuzzed", file, &settings, &mut include);
    match (first, all) {
        (Ok(read), Ok(again)) => {
            assert_eq!(read.zone, again.zone);
            validate(&read.zone);
            for relative in [false, true] {
                let print_settings = PrintSettings { relative, ..PrintSettings::default() };
                let text = print(&read.zone, &print_settings);
                let printed = read_zone("printed", text.as_bytes(), &settings, &mut include);
                let printed = printed.unwrap_or_else(|errors| panic!("{}\n{text}", errors[0]));
                assert_eq!(printed.zone.rrsets(), read.zone.rrsets(), "{text}");
                assert_eq!(print(&printed.zone, &print_settings), text);
            }
        }
        (Err(first), Err(all)) => {
            assert_eq!(first.len(), 1);
            assert!(!all.is_empty() && all.len() <= 50);
            all.iter().for_each(|error| assert!(error.line > 0 && error.column > 0, "{error}"));
        }
        (first, all) => panic!("{:?} against {:?}", first.is_ok(), all.is_ok()),
    }
});
