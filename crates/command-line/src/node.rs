//! A running node, over its admin interface.

use crate::settings::{ClientSettings, Credentials};
use anyhow::{Context, anyhow};
use data_encoding::BASE64;
use messages::Published;
use serde_json::{Value, json};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};
use zone_model::{Name, RecordType};

/// How long an answer may take, beside what a question itself waits for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest that one question waits on its side; the next goes on.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How long a node is left alone that is busy.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// The most bytes of an answer.
const LARGEST_ANSWER: u64 = 256 << 20;

/// How long a whole zone may take, and how many bytes it may have.
const ZONE_TIMEOUT: Duration = Duration::from_secs(600);
const LARGEST_ZONE: u64 = 4 << 30;

/// So many reports of a zone are asked for.
const MOST_REPORTS: usize = 10_000;

/// A node to be asked.
#[derive(Debug)]
pub(crate) struct Node {
    address: String,
    authorization: Option<String>,
    agent: ureq::Agent,
}

/// Why a node did not answer.
#[derive(Debug)]
pub(crate) enum NodeError {
    /// There is nobody at its address.
    Away(anyhow::Error),
    /// It answered that it cannot at this moment.
    Busy(anyhow::Error),
    /// It answered that it cannot, or something that is no answer.
    Failed(anyhow::Error),
}

// === impl Node ===

impl Node {
    /// The node of a flag, else of the settings; `None` where neither names one.
    pub(crate) fn of(flag: Option<&str>, settings: &ClientSettings) -> Option<Self> {
        let flag = flag.filter(|address| !address.is_empty());
        let address = flag.or(settings.node.as_deref()).filter(|address| !address.is_empty())?;
        let config = ureq::Agent::config_builder()
            .timeout_connect(Some(ANSWER_TIMEOUT))
            .timeout_global(Some(ANSWER_TIMEOUT + LONGEST_WAIT))
            .http_status_as_error(false)
            .max_redirects(0)
            // A proxy of the environment is for the Internet, not for a node.
            .proxy(None)
            .build();
        Some(Self {
            address: reachable(address),
            authorization: settings.credentials.as_ref().map(basic),
            agent: ureq::Agent::new_with_config(config),
        })
    }

    /// The RRsets of an owner.
    pub(crate) fn records(&self, name: &Name, rtype: Option<RecordType>) -> Result<Vec<Value>, NodeError> {
        let mut path = format!("/v1/records?name={}", percent_encoded(&name.to_string()));
        if let Some(rtype) = rtype {
            path.push_str(&format!("&type={rtype}"));
        }
        self.list(&path)
    }

    /// A zone of the node, as a zone file; `None` where it has no such zone.
    pub(crate) fn zone(&self, apex: &Name) -> Result<Option<String>, NodeError> {
        let path = format!("/v1/zone?name={}", percent_encoded(&apex.to_string()));
        let request = self.request(&path).config().timeout_global(Some(ZONE_TIMEOUT)).build();
        match request.call() {
            // A node of an older version has no such path, and says 404 with other words.
            Ok(mut response) if response.status().as_u16() == 404 => {
                let words = response.body_mut().read_to_string().unwrap_or_default();
                if words.contains("has no zone") {
                    Ok(None)
                } else {
                    Err(self.failed(anyhow!("{path}: 404: {words}")))
                }
            }
            answer => self.body(&path, answer, LARGEST_ZONE).map(Some),
        }
    }

    /// What is remarkable in a zone of the node.
    pub(crate) fn reports(&self, apex: &Name) -> Result<Value, NodeError> {
        let path =
            format!("/v1/zone/reports?limit={MOST_REPORTS}&name={}", percent_encoded(&apex.to_string()));
        let request = self.request(&path).config().timeout_global(Some(ZONE_TIMEOUT)).build();
        self.read(&path, request.call())
    }

    /// A list of the interface.
    pub(crate) fn list(&self, path: &str) -> Result<Vec<Value>, NodeError> {
        match self.get(path)? {
            Value::Array(list) => Ok(list),
            _ => Err(self.failed(anyhow!("{path} is no list"))),
        }
    }

    /// A page of the interface.
    pub(crate) fn get(&self, path: &str) -> Result<Value, NodeError> {
        self.read(path, self.request(path).call())
    }

    fn request(&self, path: &str) -> ureq::RequestBuilder<ureq::typestate::WithoutBody> {
        let request = self.agent.get(self.url(path));
        match &self.authorization {
            Some(authorization) => request.header("Authorization", authorization),
            None => request,
        }
    }

    /// Waits until the node serves what was published; whether it did in time.
    pub(crate) fn wait(&self, published: &Published, timeout: Duration) -> Result<bool, NodeError> {
        let deadline = Instant::now() + timeout;
        let positions: Vec<Value> = published
            .positions
            .iter()
            .map(|(partition, position)| json!({"partition": partition.0, "position": position.to_string()}))
            .collect();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = left.min(LONGEST_WAIT);
            let milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            let body = json!({
                "source": published.source.as_str(),
                "positions": positions,
                "timeout_ms": milliseconds,
            });
            let answer = match self.post("/v1/await", &body) {
                // As while its store makes all zones anew.
                Err(NodeError::Busy(_)) if left > AGAIN_AFTER => {
                    std::thread::sleep(AGAIN_AFTER);
                    continue;
                }
                answer => answer?,
            };
            match answer.get("applied").and_then(Value::as_bool) {
                Some(true) => return Ok(true),
                Some(false) if left > wait => {}
                Some(false) => return Ok(false),
                None => return Err(self.failed(anyhow!("/v1/await does not say whether it was applied"))),
            }
        }
    }

    /// Sends a body, and reads the answer.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, NodeError> {
        let mut request = self.agent.post(self.url(path)).header("Content-Type", "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        self.read(path, request.send(body.to_string()))
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn read(
        &self,
        path: &str,
        response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value, NodeError> {
        let body = self.body(path, response, LARGEST_ANSWER)?;
        let value = serde_json::from_str(&body).ok();
        value.ok_or_else(|| self.failed(anyhow!("{path} is no JSON; is it an admin address?")))
    }

    /// The body of an answer that is what was asked for.
    fn body(
        &self,
        path: &str,
        response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
        most: u64,
    ) -> Result<String, NodeError> {
        let mut response = response.map_err(|error| {
            // Refused or unroutable: nobody is there. Once connected, silence is a failure.
            let away = matches!(
                &error,
                ureq::Error::Io(_) | ureq::Error::HostNotFound | ureq::Error::ConnectionFailed
            );
            let error = anyhow!(error).context(format!("the node {} cannot be asked", self.address));
            if away { NodeError::Away(error) } else { NodeError::Failed(error) }
        })?;
        let status = response.status();
        let body = response.body_mut().with_config().limit(most).read_to_string();
        let body = body.context("its answer broke off").map_err(|error| self.failed(error))?;
        if !status.is_success() {
            let value: Option<Value> = serde_json::from_str(&body).ok();
            let reason = value.as_ref().and_then(|value| value.get("error")).and_then(Value::as_str);
            let reason = reason.unwrap_or_else(|| body.trim()).chars().take(300).collect::<String>();
            let hint =
                if status.as_u16() == 401 { "; see the configuration's admin user and password" } else { "" };
            let error = self.of_node(anyhow!("{path}: {status}: {reason}{hint}"));
            let busy = status.as_u16() == 503;
            return Err(if busy { NodeError::Busy(error) } else { NodeError::Failed(error) });
        }
        Ok(body)
    }

    fn failed(&self, error: anyhow::Error) -> NodeError {
        NodeError::Failed(self.of_node(error))
    }

    fn of_node(&self, error: anyhow::Error) -> anyhow::Error {
        error.context(format!("the node {}", self.address))
    }
}

/// Its address.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl From<NodeError> for anyhow::Error {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Away(error) | NodeError::Busy(error) | NodeError::Failed(error) => error,
        }
    }
}

/// A node that listens everywhere is asked at the loopback address.
fn reachable(address: &str) -> String {
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    match address.parse::<SocketAddr>() {
        Ok(socket) if socket.ip().is_unspecified() => {
            let loopback: IpAddr = match socket.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            };
            SocketAddr::new(loopback, socket.port()).to_string()
        }
        // `:8080`, as the older server took it.
        _ if address.starts_with(':') => format!("127.0.0.1{address}"),
        _ => address.to_owned(),
    }
}

fn basic(credentials: &Credentials) -> String {
    format!("Basic {}", BASE64.encode(format!("{}:{}", credentials.user, credentials.password).as_bytes()))
}

/// Everything but the unreserved characters of RFC 3986 section 2.3.
pub(crate) fn percent_encoded(text: &str) -> String {
    let encoded = |octet: u8| match octet {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(octet).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_address_is_asked_at_home() {
        let cases = [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            (":8080", "127.0.0.1:8080"),
            ("http://dns1.example:80/", "dns1.example:80"),
            ("192.0.2.1:8080", "192.0.2.1:8080"),
        ];
        for (address, want) in cases {
            assert_eq!(reachable(address), want);
        }
    }

    #[test]
    fn what_a_query_string_cannot_hold_is_encoded() {
        assert_eq!(percent_encoded(r"a\032b&*.example."), "a%5C032b%26%2A.example.");
        let credentials = Credentials { user: "Aladdin".into(), password: "open sesame".into() };
        // RFC 7617 section 2.
        assert_eq!(basic(&credentials), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}
