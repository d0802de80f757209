//! statsd over UDP: `prefix.name:value|c`, many to a datagram.
//!
//! A counter is sent as what came to it, an integer, so the sums at the server are ours to the last one. A
//! gauge is sent at every flush. A histogram is sent as timings (`|ms`, in milliseconds where its unit is
//! seconds; `|h` where tags are on): for each bucket that grew, the mean of what came to it, with a sample
//! rate that says how many values that stands for.

use super::{Output, Passed};
use crate::config::StatsdConfig;
use crate::error::{ConfigError, OutputError};
use crate::series::{Series, Total};
use std::borrow::Cow;
use std::fmt::Write;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

/// The most bytes of a datagram: what an Ethernet frame carries, less IPv6 and UDP headers and room for a
/// tunnel's.
const MOST_BYTES: usize = 1_432;

/// The longest wait for room in the socket's buffer.
const SEND_TIMEOUT: Duration = Duration::from_millis(100);

/// Sends the sums to a statsd server.
pub struct StatsdOutput {
    host: String,
    port: u16,
    prefix: String,
    tags: bool,
    /// `id:NAME` of the node, a tag of every line.
    instance: Option<String>,
    link: Link,
    passed: Passed,
    /// What had been passed on before the last flush: datagrams of that flush may still prove refused.
    confirmed: Passed,
}

/// The way to the server.
enum Link {
    /// None yet, or none any more.
    Down,
    /// A name is being looked up, on a thread of its own: that may take seconds.
    LookingUp(Receiver<io::Result<SocketAddr>>),
    /// A socket that sends to the server.
    Up(UdpSocket),
}

/// A datagram, and the series that are passed on in full when it has been sent.
#[derive(Default)]
struct Datagram {
    bytes: String,
    completes: Vec<usize>,
}

// === impl StatsdOutput ===

impl StatsdOutput {
    /// An output to the server of the settings. Nothing is looked up or sent before the first flush.
    ///
    /// # Errors
    /// [`ConfigError`] for an address that is no `host:port`.
    pub fn new(config: &StatsdConfig) -> Result<Self, ConfigError> {
        let bad = || ConfigError::StatsdAddress(config.address.clone());
        let (host, port) = config.address.rsplit_once(':').ok_or_else(bad)?;
        let port: u16 = port.parse().map_err(|_| bad())?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = bracketed.unwrap_or(host);
        if host.is_empty() || port == 0 || (bracketed.is_none() && host.contains(':')) {
            return Err(bad());
        }
        let prefix = config.prefix.trim_end_matches('.');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{}.", clean(prefix, true)) };
        Ok(Self {
            host: host.to_owned(),
            port,
            prefix,
            tags: config.tags,
            instance: config.instance.as_ref().map(|name| format!("id:{}", clean(name, true))),
            link: Link::Down,
            passed: Passed::default(),
            confirmed: Passed::default(),
        })
    }

    /// The socket, once there is one. `None` while the name is being looked up.
    fn socket(&mut self) -> Result<Option<UdpSocket>, OutputError> {
        loop {
            self.link = match std::mem::replace(&mut self.link, Link::Down) {
                Link::Up(socket) => return Ok(Some(socket)),
                Link::Down => match self.host.parse() {
                    Ok(ip) => {
                        Link::Up(connect(SocketAddr::new(ip, self.port)).map_err(|e| self.unwritable(e))?)
                    }
                    Err(_) => Link::LookingUp(self.look_up()?),
                },
                Link::LookingUp(answer) => match answer.try_recv() {
                    Ok(Ok(address)) => Link::Up(connect(address).map_err(|cause| self.unwritable(cause))?),
                    Ok(Err(cause)) => return Err(OutputError::Lookup { name: self.host.clone(), cause }),
                    Err(TryRecvError::Disconnected) => {
                        let cause = io::Error::other("the thread that looked it up ended");
                        return Err(OutputError::Lookup { name: self.host.clone(), cause });
                    }
                    Err(TryRecvError::Empty) => {
                        self.link = Link::LookingUp(answer);
                        return Ok(None);
                    }
                },
            };
        }
    }

    fn look_up(&self) -> Result<Receiver<io::Result<SocketAddr>>, OutputError> {
        let (sender, answer) = channel();
        let target = (self.host.clone(), self.port);
        let work = move || {
            let found = target.to_socket_addrs().and_then(|mut addresses| {
                addresses.next().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "it has no address"))
            });
            // Nobody waits any more when the agent has ended.
            let _ = sender.send(found);
        };
        let spawned = std::thread::Builder::new().name("statsd-lookup".into()).spawn(work);
        spawned.map_err(|cause| OutputError::Lookup { name: self.host.clone(), cause })?;
        Ok(answer)
    }

    fn unwritable(&self, cause: io::Error) -> OutputError {
        OutputError::Write { to: format!("statsd at {} port {}", self.host, self.port), cause }
    }

    /// Takes back what the last flush passed on: an error says that nobody was there to get it.
    fn take_back(&mut self, cause: io::Error) -> OutputError {
        self.passed = self.confirmed.clone();
        self.link = Link::Down;
        self.unwritable(cause)
    }

    /// What is new, packed into datagrams.
    fn compose(&self, series: &[Series]) -> Vec<Datagram> {
        let mut datagrams = vec![Datagram::default()];
        for (at, one) in series.iter().enumerate() {
            let Some(news) = self.passed.news(at, &one.total) else { continue };
            let mut lines = String::new();
            self.write_lines(&mut lines, one, &news);
            for line in lines.lines() {
                let full = datagrams.last().is_some_and(|last| {
                    !last.bytes.is_empty() && last.bytes.len() + 1 + line.len() > MOST_BYTES
                });
                if full {
                    datagrams.push(Datagram::default());
                }
                if let Some(last) = datagrams.last_mut() {
                    if !last.bytes.is_empty() {
                        last.bytes.push('\n');
                    }
                    last.bytes.push_str(line);
                }
            }
            if let Some(last) = datagrams.last_mut() {
                last.completes.push(at);
            }
        }
        datagrams
    }

    fn write_lines(&self, text: &mut String, series: &Series, news: &Total) {
        let prefix = &self.prefix;
        let tags = tags(self.instance.as_deref(), if self.tags { &series.labels } else { &[] });
        let values = if self.tags { String::new() } else { values(series) };
        let name = series.name;
        // Writing to a `String` cannot fail.
        let _ = match news {
            Total::Counter(added) => writeln!(text, "{prefix}{name}{values}:{added}|c{tags}"),
            Total::Gauge(value) if !value.is_finite() => Ok(()),
            Total::Gauge(value) => {
                // A sign makes a change of a value: a gauge below zero is set to zero first.
                if *value < 0.0 {
                    let _ = writeln!(text, "{prefix}{name}{values}:0|g{tags}");
                }
                writeln!(text, "{prefix}{name}{values}:{value}|g{tags}")
            }
            Total::Histogram(added) => {
                let (name, factor) = match name.strip_suffix("_seconds") {
                    Some(stem) => (format!("{stem}_ms"), 1_000.0),
                    None => (name.to_owned(), 1.0),
                };
                let kind = if self.tags { "h" } else { "ms" };
                for (_, bucket) in added.buckets().filter(|(_, bucket)| bucket.count > 0) {
                    let mean = (bucket.sum / bucket.count as f64 * factor).max(0.0);
                    let _ = write!(text, "{prefix}{name}{values}:{mean:.6}|{kind}");
                    if bucket.count > 1 {
                        let _ = write!(text, "|@{}", 1.0 / bucket.count as f64);
                    }
                    let _ = writeln!(text, "{tags}");
                }
                Ok(())
            }
        };
    }
}

impl Output for StatsdOutput {
    fn name(&self) -> &'static str {
        "statsd"
    }

    fn flush(&mut self, series: &[Series], _now: Instant) -> Result<(), OutputError> {
        let Some(socket) = self.socket()? else { return Ok(()) };
        // A port where nobody listens tells so behind the send: here it is the last flush that was refused.
        if let Ok(Some(cause)) = socket.take_error() {
            return Err(self.take_back(cause));
        }
        self.confirmed = self.passed.clone();
        for datagram in self.compose(series).into_iter().filter(|datagram| !datagram.bytes.is_empty()) {
            match socket.send(datagram.bytes.as_bytes()) {
                Ok(_) => datagram.completes.iter().for_each(|&at| self.passed.note(at, &series[at].total)),
                // This speaks of a datagram before this one.
                Err(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => {
                    return Err(self.take_back(cause));
                }
                Err(cause) => return Err(self.unwritable(cause)),
            }
        }
        self.link = Link::Up(socket);
        Ok(())
    }
}

// === helpers ===

fn connect(server: SocketAddr) -> io::Result<UdpSocket> {
    let any = match server {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any)?;
    socket.set_write_timeout(Some(SEND_TIMEOUT))?;
    socket.connect(server)?;
    Ok(socket)
}

/// `.value.value`, in the order of the labels' names.
fn values(series: &Series) -> String {
    let mut text = String::new();
    for (_, value) in &series.labels {
        text.push('.');
        text.push_str(&clean(value, false));
    }
    text
}

/// `|#id:name,label:value,label:value`, in the order of the labels' names.
fn tags(instance: Option<&str>, labels: &[(&'static str, Cow<'static, str>)]) -> String {
    let own = labels.iter().map(|(label, value)| format!("{label}:{}", clean(value, true)));
    let all: Vec<String> = instance.map(str::to_owned).into_iter().chain(own).collect();
    if all.is_empty() { String::new() } else { format!("|#{}", all.join(",")) }
}

/// The text without the characters that mean something to statsd, each become a `_`; dots stay where they
/// make no new level of a name. Nothing becomes `none`, which keeps the levels apart.
fn clean(text: &str, dots: bool) -> String {
    if text.is_empty() {
        return "none".to_owned();
    }
    let keep = |character: char| match character {
        '.' => dots,
        ':' | '|' | '@' | '#' | ',' | '/' => false,
        other => !other.is_whitespace() && !other.is_control(),
    };
    text.chars().map(|character| if keep(character) { character } else { '_' }).collect()
}

#[cfg(test)]
#[path = "statsd_tests.rs"]
mod tests;
