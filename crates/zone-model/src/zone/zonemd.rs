//! ZONEMD (RFC 8976): one digest over a whole zone, which other servers and tools compute alike.

use super::Zone;
use crate::rdata;
use crate::rtype::RecordType;
use sha2::{Digest as _, Sha384};
use std::fmt;

/// Class IN.
const CLASS: u16 = 1;
/// The type ZONEMD (RFC 8976 section 2).
const ZONEMD: RecordType = RecordType(63);

/// A zone's message digest under scheme SIMPLE with hash algorithm SHA-384 (RFC 8976 section 2.2). Shown as the
/// content of a ZONEMD record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zonemd {
    /// The serial of the zone's SOA.
    pub serial: u32,
    /// The digest.
    pub digest: [u8; 48],
}

// === impl Zone ===

impl Zone {
    /// The zone's ZONEMD: scheme 1 (SIMPLE), hash algorithm 1 (SHA-384). The ZONEMD RRset of the apex and its
    /// signatures do not count, occluded data and glue do (RFC 8976 section 3.3.1). `default_ttl` stands where an
    /// RRset has no TTL. `None` for a zone without an SOA, which has no serial to name.
    pub fn zonemd(&self, default_ttl: u32) -> Option<Zonemd> {
        let serial = self.serial()?;
        let mut hash = Sha384::new();
        for set in self.rrsets() {
            let is_apex = set.owner == *self.apex();
            if is_apex && set.rtype == ZONEMD {
                continue;
            }
            let covers = |rdata: &[u8]| {
                is_apex && set.rtype == RecordType::RRSIG && rdata.starts_with(&ZONEMD.0.to_be_bytes())
            };
            let records = set.rrset.rdatas().iter().filter(|rdata| !covers(rdata));
            let mut records: Vec<Box<[u8]>> =
                records.map(|rdata| rdata::canonical(set.rtype, rdata)).collect();
            // RFC 4034 section 6.3: as octets, left-justified, and each once.
            records.sort_unstable();
            records.dedup();
            let ttl = set.rrset.ttl.unwrap_or(default_ttl);
            for record in records {
                hash.update(set.owner.to_lowercase().as_wire());
                hash.update(set.rtype.0.to_be_bytes());
                hash.update(CLASS.to_be_bytes());
                hash.update(ttl.to_be_bytes());
                hash.update((record.len() as u16).to_be_bytes());
                hash.update(&record);
            }
        }
        Some(Zonemd { serial, digest: hash.finalize().into() })
    }
}

impl fmt::Display for Zonemd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} 1 1 ", self.serial)?;
        self.digest.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use crate::Name;
    use crate::master::{Settings, no_includes, read_zone};

    fn zonemd(text: &str) -> String {
        let settings = Settings::new(Name::parse("example.").unwrap());
        let read = read_zone("zone", text.as_bytes(), &settings, &mut no_includes).unwrap();
        read.zone.zonemd(0).unwrap().to_string()
    }

    /// RFC 8976 appendix A.1.
    const SIMPLE: &str = "\
        example.      86400  IN  SOA     ns1 admin 2018031900 ( 1800 900 604800 86400 )\n\
        example.      86400  IN  NS      ns1\n\
        example.      86400  IN  NS      ns2\n\
        example.      86400  IN  ZONEMD  2018031900 1 1 (\n\
                                         c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3\n\
                                         a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c )\n\
        ns1           3600   IN  A       203.0.113.63\n\
        ns2           3600   IN  AAAA    2001:db8::63\n";

    /// RFC 8976 appendix A.2: occluded and duplicate data, data outside, upper case, a wildcard, the order of
    /// records, and a ZONEMD that is not at the apex.
    const COMPLEX: &str = "\
        example.      86400  IN  SOA     ns1 admin 2018031900 ( 1800 900 604800 86400 )\n\
        example.      86400  IN  NS      ns1\n\
        example.      86400  IN  NS      ns2\n\
        example.      86400  IN  ZONEMD  2018031900 1 1 (\n\
                                         a3b69bad980a3504e1cffcb0fd6397f93848071c93151f55\n\
                                         2ae2f6b1711d4bd2d8b39808226d7b9db71e34b72077f8fe )\n\
        ns1           3600   IN  A       203.0.113.63\n\
        NS2           3600   IN  AAAA    2001:db8::63\n\
        occluded.sub  7200   IN  TXT     \"I'm occluded but must be digested\"\n\
        sub           7200   IN  NS      ns1\n\
        duplicate     300    IN  TXT     \"I must be digested just once\"\n\
        duplicate     300    IN  TXT     \"I must be digested just once\"\n\
        foo.test.     555    IN  TXT     \"out-of-zone data must be excluded\"\n\
        UPPERCASE     3600   IN  TXT     \"canonicalize uppercase owner names\"\n\
        *             777    IN  PTR     dont-forget-about-wildcards\n\
        mail          3600   IN  MX      20 MAIL1\n\
        mail          3600   IN  MX      10 Mail2.Example.\n\
        sortme        3600   IN  AAAA    2001:db8::5:61\n\
        sortme        3600   IN  AAAA    2001:db8::3:62\n\
        sortme        3600   IN  AAAA    2001:db8::4:63\n\
        sortme        3600   IN  AAAA    2001:db8::1:65\n\
        sortme        3600   IN  AAAA    2001:db8::2:64\n\
        non-apex      900    IN  ZONEMD  2018031900 1 1 (\n\
                                         616c6c6f776564206275742069676e6f7265642e20616c6c\n\
                                         6f776564206275742069676e6f7265642e20616c6c6f7765 )\n";

    /// RFC 8976 appendix A.3: several digests, of which one has a private hash algorithm and one a private scheme.
    const MULTIPLE: &str = "\
        example.      86400  IN  SOA     ns1 admin 2018031900 ( 1800 900 604800 86400 )\n\
        example.      86400  IN  NS      ns1.example.\n\
        example.      86400  IN  NS      ns2.example.\n\
        example.      86400  IN  ZONEMD  2018031900 1 1 (\n\
                                         62e6cf51b02e54b9b5f967d547ce43136792901f9f88e637\n\
                                         493daaf401c92c279dd10f0edb1c56f8080211f8480ee306 )\n\
        example.      86400  IN  ZONEMD  2018031900 1 240 ( e2d523f654b9422a96c5a8f44607bbee )\n\
        example.      86400  IN  ZONEMD  2018031900 241 1 ( e1846540e33a9e4189792d18d5d131f605fc283e )\n\
        ns1.example.  3600   IN  A       203.0.113.63\n\
        ns2.example.  86400  IN  TXT     \"This example has multiple digests\"\n\
        NS2.EXAMPLE.  3600   IN  AAAA    2001:db8::63\n";

    #[test]
    fn the_examples_of_rfc_8976() {
        for (zone, digest) in [
            (
                SIMPLE,
                "c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c",
            ),
            (
                COMPLEX,
                "a3b69bad980a3504e1cffcb0fd6397f93848071c93151f552ae2f6b1711d4bd2d8b39808226d7b9db71e34b72077f8fe",
            ),
            (
                MULTIPLE,
                "62e6cf51b02e54b9b5f967d547ce43136792901f9f88e637493daaf401c92c279dd10f0edb1c56f8080211f8480ee306",
            ),
        ] {
            assert_eq!(zonemd(zone), format!("2018031900 1 1 {digest}"));
        }
    }

    /// RFC 8976 section 3.3.1: the signature of the apex' ZONEMD cannot be part of what it signs.
    #[test]
    fn signatures_of_the_zonemd_do_not_count() {
        let signature = |covered: &str, owner: &str| {
            format!(
                "{SIMPLE}{owner} 86400 IN RRSIG {covered} 8 1 86400 20300101000000 20200101000000 1 example. AAAA\n"
            )
        };
        assert_eq!(zonemd(&signature("ZONEMD", "example.")), zonemd(SIMPLE));
        assert_ne!(zonemd(&signature("SOA", "example.")), zonemd(SIMPLE));
        assert_ne!(zonemd(&signature("ZONEMD", "ns1")), zonemd(SIMPLE));
    }
}
