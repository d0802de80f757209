//! Record types by number and mnemonic.

use zone_model::RecordType;

#[test]
fn every_number_comes_back() {
    let mut mnemonics = 0;
    for number in 0..=u16::MAX {
        let (rtype, generic) = (RecordType(number), format!("TYPE{number}"));
        assert_eq!(rtype.to_string().parse(), Ok(rtype));
        assert_eq!(rtype.to_string().to_lowercase().parse(), Ok(rtype));
        // RFC 3597 section 5: the generic form is read for known types too.
        assert_eq!(generic.parse(), Ok(rtype));
        match rtype.mnemonic() {
            Some(text) => mnemonics += usize::from(!text.is_empty()),
            None => assert_eq!(rtype.to_string(), generic),
        }
    }
    assert!(mnemonics > 80);
    assert_eq!(RecordType::NSAP_PTR.to_string(), "NSAP-PTR");
}

#[test]
fn what_is_no_type() {
    for text in
        ["", "X", "TYPE", "TYPE65536", "TYPE-1", "TYPE+1", "TYPE 1", "TYPE000001", "A ", "A.", "TYP\u{e9}1"]
    {
        let error = text.parse::<RecordType>().expect_err(text).to_string();
        assert!(error.starts_with(&format!("`{text}` is no record type")), "{error}");
    }
}

/// RFC 6895 section 3.1: 128 to 255 are query types and meta-types; OPT and 0 are none of a zone either.
#[test]
fn types_of_zones() {
    let none = (0..=u16::MAX).filter(|&number| !RecordType(number).is_data());
    assert_eq!(none.collect::<Vec<_>>(), [0, 41].into_iter().chain(128..=255).collect::<Vec<_>>());
}
