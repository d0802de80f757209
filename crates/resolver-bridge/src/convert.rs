//! Between hickory's types and those of zone-model.

use hickory_proto::rr::{self, DNSClass, RData};
use hickory_proto::serialize::binary::{BinDecodable, BinEncodable, BinEncoder, NameEncoding};
use zone_model::{Name, Record, RecordType, clamp_ttl};

/// The name as hickory has it; `None` for one that hickory cannot hold.
pub(crate) fn to_hickory(name: &Name) -> Option<rr::Name> {
    rr::Name::from_bytes(name.as_wire()).ok()
}

/// The name as zone-model has it; `None` for one that is not absolute.
pub(crate) fn from_hickory(name: &rr::Name) -> Option<Name> {
    Name::from_wire(&uncompressed(name)?).ok()
}

/// A record as zone-model has it; `None` for one of another class than IN, for one that carries no data
/// (OPT, TSIG), and for RDATA that hickory read but cannot write.
pub(crate) fn record(record: &rr::Record) -> Option<Record> {
    let rtype = RecordType(u16::from(record.record_type()));
    if record.dns_class != DNSClass::IN || !rtype.is_data() {
        return None;
    }
    Some(Record {
        owner: from_hickory(&record.name)?,
        rtype,
        ttl: clamp_ttl(record.ttl),
        rdata: rdata(&record.data)?,
    })
}

/// RDATA in uncompressed wire form; an unknown type's as it came (RFC 3597 section 4).
fn rdata(data: &RData) -> Option<Box<[u8]>> {
    match data {
        RData::Unknown { rdata, .. } => Some(rdata.anything.as_slice().into()),
        known => uncompressed(known).map(Vec::into_boxed_slice),
    }
}

/// The wire form without compression pointers.
fn uncompressed(value: &impl BinEncodable) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    let mut encoder = BinEncoder::new(&mut octets);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    value.emit(&mut encoder).ok()?;
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::Message;

    /// A response with one record whose owner and RDATA may point into the question `www.example.com.`.
    fn message(rtype: u16, class: u16, rdata: &[u8]) -> Message {
        let mut octets = vec![0, 1, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0];
        octets.extend_from_slice(b"\x03wWw\x07Example\x03com\x00\x00\x01\x00\x01");
        octets.extend_from_slice(&[0xc0, 12]);
        octets.extend_from_slice(&rtype.to_be_bytes());
        octets.extend_from_slice(&class.to_be_bytes());
        octets.extend_from_slice(&[0, 0, 0, 60]);
        octets.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
        octets.extend_from_slice(rdata);
        Message::from_vec(&octets).unwrap()
    }

    fn only(message: &Message) -> Option<Record> {
        record(&message.answers[0])
    }

    // RFC 1035 section 4.1.4: names in the RDATA of the old types may be pointers.
    #[test]
    fn pointers_in_rdata_are_written_out_and_case_is_kept() {
        let numbers = [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5];
        let packed_soa = [b"\x02ns\xc0\x10\x04root\xc0\x10".as_slice(), &numbers].concat();
        let soa =
            [b"\x02ns\x07Example\x03com\x00\x04root\x07Example\x03com\x00".as_slice(), &numbers].concat();
        for (rtype, packed, expected) in [
            (RecordType::CNAME, b"\x01x\xc0\x10".to_vec(), b"\x01x\x07Example\x03com\x00".to_vec()),
            (RecordType::NS, b"\x01x\xc0\x10".to_vec(), b"\x01x\x07Example\x03com\x00".to_vec()),
            (RecordType::PTR, b"\xc0\x0c".to_vec(), b"\x03wWw\x07Example\x03com\x00".to_vec()),
            (
                RecordType::MX,
                b"\x00\x0a\x01x\xc0\x10".to_vec(),
                b"\x00\x0a\x01x\x07Example\x03com\x00".to_vec(),
            ),
            (RecordType::SOA, packed_soa, soa),
        ] {
            let found = only(&message(rtype.0, 1, &packed)).unwrap();
            assert_eq!(&found.rdata[..], expected, "{rtype}");
            assert_eq!(found.owner.as_wire(), b"\x03wWw\x07Example\x03com\x00");
            assert_eq!((found.rtype, found.ttl), (rtype, 60));
        }
    }

    // RFC 3597 section 4: what is not known is kept to the octet.
    #[test]
    fn other_types_are_kept_to_the_octet() {
        for (rtype, rdata) in [
            (1, b"\xc0\x00\x02\x01".to_vec()),
            (28, vec![0x20; 16]),
            (16, b"\x05hello\x00\x02\xff\x00".to_vec()),
            (33, b"\x00\x01\x00\x02\x00\x35\x01X\x07example\x00".to_vec()),
            (257, b"\x80\x05issueca.example".to_vec()),
            (46, [b"\x00\x01\x08\x02\x00\x00\x00\x3c\x00\x00\x00\x02\x00\x00\x00\x01\x12\x34\x07example\x00".as_slice(), &[7; 64]].concat()),
            (43, [b"\x12\x34\x08\x02".as_slice(), &[9; 32]].concat()),
            (65_280, vec![0, 1, 2, 255]),
            (10, vec![0xc0, 12, 0]),
            (13, b"\x03x86\x05Linux".to_vec()),
            (257, b"\x7f\x05ISSUEca.example; a=b".to_vec()),
            (257, b"\x80\x03foo\xff\xfe".to_vec()),
            (44, [&[1, 2], [5; 32].as_slice()].concat()),
            (52, [&[3, 1, 1], [5; 32].as_slice()].concat()),
            (52, [&[200, 201, 202], [5; 7].as_slice()].concat()),
            (35, b"\x00\x0a\x00\x14\x01s\x07SIP+D2U\x00\x04_sip\x04_UDP\x00".to_vec()),
            (37, [&[0, 1, 0x12, 0x34, 8], [5; 40].as_slice()].concat()),
            (61, vec![0x99; 70]),
            (62, vec![0, 0, 0, 1, 0, 3, 0, 4, 0x60, 0, 0, 8]),
            (64, b"\x00\x01\x03SvC\x00\x00\x01\x00\x03\x02h2\x00\x03\x00\x02\x01\xbb\xfd\xe9\x00\x01x".to_vec()),
            (65, b"\x00\x00\x03sVc\x00".to_vec()),
            (65, b"\x00\x01\x00\x00\x00\x00\x02\x00\x04\x00\x04\x00\x04\xc0\x00\x02\x01".to_vec()),
            (29, vec![0, 0x12, 0x16, 0x13, 0x89, 0x17, 0x2d, 0xd0, 0x70, 0xbe, 0x15, 0xf0, 0, 0x98, 0x8d, 0x20]),
            (39, b"\x04Test\x00".to_vec()),
            (17, b"\x04Test\x00\x03Txt\x00".to_vec()),
            (256, b"\x00\x01\x00\x02https://example/".to_vec()),
        ] {
            let found = only(&message(rtype, 1, &rdata)).unwrap_or_else(|| panic!("TYPE{rtype} is lost"));
            assert_eq!((found.rtype.0, &found.rdata[..]), (rtype, &rdata[..]));
        }
    }

    #[test]
    fn records_of_another_class_are_not_taken() {
        assert_eq!(only(&message(16, 3, b"\x05hello")), None);
    }

    // RFC 1035 section 2.3.4: a name has at most 255 octets; RFC 4343: any octet, in the case it came in.
    #[test]
    fn names_go_there_and_back() {
        for text in [".", "example.", "a\\.b.\\000x.Example.", "xn--bcher-kva.example."] {
            let name = Name::parse(text).unwrap();
            let back = from_hickory(&to_hickory(&name).unwrap()).unwrap();
            assert_eq!(back.as_wire(), name.as_wire(), "{text}");
        }
        let longest = Name::parse(
            &[&"a".repeat(63), ".", &"b".repeat(63), ".", &"c".repeat(63), ".", &"d".repeat(61)].concat(),
        );
        let longest = longest.unwrap();
        assert_eq!(longest.as_wire().len(), 255);
        assert_eq!(from_hickory(&to_hickory(&longest).unwrap()).unwrap().as_wire(), longest.as_wire());
    }
}
