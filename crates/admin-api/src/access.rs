//! Who may use the interface: HTTP Basic (RFC 7617), or a token (RFC 7519) that was given for it.

use crate::config::Credentials;
use crate::error::Refusal;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::time::Duration;
use zone_model::Timestamp;

/// How long a token is good for, as at the older server.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(3_600);

/// The door: knows the credentials, and looks at what a request offers.
pub struct Access {
    credentials: Option<Credentials>,
}

/// What a request offers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offer<'a> {
    /// The field `Authorization`.
    pub authorization: Option<&'a str>,
    /// The field `Cookie`.
    pub cookie: Option<&'a str>,
}

/// What a token says; the older server's claims.
#[derive(Deserialize, Serialize)]
struct Claims {
    username: String,
    /// Seconds since 1970.
    exp: i64,
}

/// What a token says of itself.
#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that must be understood (RFC 7515 section 4.1.11); none is.
    crit: Option<serde_json::Value>,
}

/// `{"alg":"HS256","typ":"JWT"}`
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

// === impl Access ===

impl Access {
    /// A door for these credentials; without them it stands open.
    pub fn new(credentials: Option<Credentials>) -> Self {
        Self { credentials }
    }

    /// Whether everybody is let in.
    pub fn is_open(&self) -> bool {
        self.credentials.is_none()
    }

    /// Looks at what a request offers.
    ///
    /// # Errors
    /// [`Refusal::Unauthorized`] where it is not enough.
    pub fn check(&self, offer: Offer<'_>, now: Timestamp) -> Result<(), Refusal> {
        let Some(own) = &self.credentials else { return Ok(()) };
        let scheme = |name: &str| {
            let (scheme, rest) = offer.authorization?.split_once(' ')?;
            scheme.eq_ignore_ascii_case(name).then(|| rest.trim())
        };
        let basic = scheme("Basic").and_then(|text| BASE64.decode(text.as_bytes()).ok());
        if let Some((username, password)) = basic.as_deref().and_then(|pair| {
            let colon = pair.iter().position(|octet| *octet == b':')?;
            Some((&pair[..colon], &pair[colon + 1..]))
        }) {
            return if own.fit(username, password) { Ok(()) } else { Err(Refusal::Unauthorized) };
        }
        let cookie = || offer.cookie?.split(';').find_map(|pair| pair.trim().strip_prefix("token="));
        match scheme("Bearer").or_else(cookie) {
            Some(token) if own.is_good(token, now) => Ok(()),
            _ => Err(Refusal::Unauthorized),
        }
    }

    /// Gives a token for a user name and a password, signed as the older server did (HS256).
    ///
    /// # Errors
    /// [`Refusal::NotFound`] where there are no tokens; [`Refusal::Unauthorized`].
    pub fn sign_in(&self, username: &str, password: &str, now: Timestamp) -> Result<String, Refusal> {
        let own = self.credentials.as_ref().ok_or(Refusal::NotFound)?;
        let secret = own.jwt_secret.as_ref().ok_or(Refusal::NotFound)?;
        if !own.fit(username.as_bytes(), password.as_bytes()) {
            return Err(Refusal::Unauthorized);
        }
        let exp = now.0 / 1000 + TOKEN_LIFETIME.as_secs() as i64;
        let claims = Claims { username: username.to_owned(), exp };
        let claims = serde_json::to_vec(&claims).map_err(|_| Refusal::Defect)?;
        let signed = format!("{HEADER}.{}", BASE64URL_NOPAD.encode(&claims));
        let mac = mac(secret.as_bytes(), signed.as_bytes()).ok_or(Refusal::Defect)?;
        Ok(format!("{signed}.{}", BASE64URL_NOPAD.encode(&mac.finalize().into_bytes())))
    }
}

// === impl Credentials ===

impl Credentials {
    /// Whether these are the credentials; in the same time however much of them is right.
    fn fit(&self, username: &[u8], password: &[u8]) -> bool {
        // Not `&&`: a wrong user name takes as long as a wrong password.
        same(self.username.as_bytes(), username) & same(self.password.as_bytes(), password)
    }

    fn is_good(&self, token: &str, now: Timestamp) -> bool {
        self.claims(token).is_some_and(|claims| {
            now.0 / 1000 < claims.exp && same(self.username.as_bytes(), claims.username.as_bytes())
        })
    }

    /// The claims of a token that we signed.
    fn claims(&self, token: &str) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        // The algorithm is ours to choose, not the token's (RFC 8725 section 3.1).
        let header: Header = serde_json::from_slice(&BASE64URL_NOPAD.decode(header.as_bytes()).ok()?).ok()?;
        if header.alg != "HS256" || header.crit.is_some() {
            return None;
        }
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?;
        mac(self.jwt_secret.as_deref()?.as_bytes(), signed.as_bytes())?.verify_slice(&signature).ok()?;
        serde_json::from_slice(&BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?).ok()
    }
}

fn mac(key: &[u8], text: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text);
    Some(mac)
}

/// Whether two texts are the same, in a time that says nothing of where they differ or how long ours is.
fn same(own: &[u8], offered: &[u8]) -> bool {
    const KEY: &[u8] = b"compare";
    let (Some(own), Some(offered)) = (mac(KEY, own), mac(KEY, offered)) else { return false };
    offered.verify(&own.finalize().into_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn access(secret: Option<&str>) -> Access {
        Access::new(Some(Credentials {
            username: "ops".into(),
            password: "pass:word".into(),
            jwt_secret: secret.map(str::to_owned),
        }))
    }

    fn basic(pair: &str) -> String {
        format!("basic {}", BASE64.encode(pair.as_bytes()))
    }

    fn authorized(access: &Access, authorization: &str, now: Timestamp) -> bool {
        access.check(Offer { authorization: Some(authorization), cookie: None }, now).is_ok()
    }

    #[test]
    fn rfc_7617_basic_credentials() {
        let access = access(None);
        assert!(authorized(&access, &basic("ops:pass:word"), NOW), "a password may have colons");
        for wrong in ["ops:pass", "opsy:pass:word", "OPS:pass:word", "ops", ":", "", "ops:pass:word "] {
            assert!(!authorized(&access, &basic(wrong), NOW), "{wrong}");
        }
        for wrong in ["", "Basic", "Basic !", "Digest x", "Bearer x.y.z"] {
            assert!(!authorized(&access, wrong, NOW), "{wrong}");
        }
        assert_eq!(access.check(Offer::default(), NOW), Err(Refusal::Unauthorized));
        assert!(Access::new(None).check(Offer::default(), NOW).is_ok());
    }

    #[test]
    fn a_token_is_good_for_an_hour_as_bearer_and_as_cookie() {
        let access = access(Some("a secret of some length"));
        let token = access.sign_in("ops", "pass:word", NOW).unwrap();
        let bearer = format!("Bearer {token}");
        assert!(authorized(&access, &bearer, NOW));
        assert!(authorized(&access, &bearer, Timestamp(NOW.0 + 3_599_000)));
        assert!(!authorized(&access, &bearer, Timestamp(NOW.0 + 3_600_000)));
        let cookie = format!("a=b; token={token}; c=d");
        assert!(access.check(Offer { authorization: None, cookie: Some(&cookie) }, NOW).is_ok());
        assert_eq!(access.sign_in("ops", "wrong", NOW), Err(Refusal::Unauthorized));
    }

    #[test]
    fn without_a_secret_there_are_no_tokens() {
        assert_eq!(access(None).sign_in("ops", "pass:word", NOW), Err(Refusal::NotFound));
        let token = access(Some("")).sign_in("ops", "pass:word", NOW).unwrap();
        assert!(!authorized(&access(None), &format!("Bearer {token}"), NOW));
    }

    #[test]
    fn rfc_7515_appendix_a_1_the_signature_is_hs256() {
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let signed = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
            eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let key = BASE64URL_NOPAD.decode(key.as_bytes()).unwrap();
        let mac = mac(&key, signed.as_bytes()).unwrap().finalize().into_bytes();
        assert_eq!(BASE64URL_NOPAD.encode(&mac), signature);
    }

    #[test]
    fn rfc_8725_section_3_1_a_token_does_not_choose_its_algorithm() {
        let access = access(Some("a secret of some length"));
        let claims = BASE64URL_NOPAD.encode(br#"{"username":"ops","exp":99999999999}"#);
        let sign = |header: &str, secret: &str| {
            let signed = format!("{}.{claims}", BASE64URL_NOPAD.encode(header.as_bytes()));
            let mac = mac(secret.as_bytes(), signed.as_bytes()).unwrap().finalize().into_bytes();
            format!("Bearer {signed}.{}", BASE64URL_NOPAD.encode(&mac))
        };
        let secret = "a secret of some length";
        assert!(authorized(&access, &sign(r#"{"alg":"HS256"}"#, secret), NOW), "the test can succeed");
        assert!(!authorized(&access, &sign(r#"{"alg":"HS256"}"#, "another"), NOW));
        assert!(!authorized(&access, &sign(r#"{"alg":"none"}"#, secret), NOW));
        assert!(!authorized(&access, &sign(r#"{"alg":"HS256","crit":["b64"]}"#, secret), NOW));
        assert!(!authorized(&access, &sign("{}", secret), NOW));
        let unsigned = format!("Bearer {}.{claims}.", BASE64URL_NOPAD.encode(br#"{"alg":"none"}"#));
        assert!(!authorized(&access, &unsigned, NOW));
    }
}
