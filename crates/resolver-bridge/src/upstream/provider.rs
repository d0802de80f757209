//! Sockets to name servers, with a time limit and ports of our own.
//!
//! hickory's recursor takes its roots as bare addresses, speaks to port 53, and waits five seconds for each
//! server. All three are settled where a connection is made, so that is where ours are put in.

use hickory_resolver::config::{ConnectionConfig, ProtocolConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::tcp::TcpClientStream;
use hickory_resolver::net::udp::UdpClientStream;
use hickory_resolver::net::xfer::DnsExchange;
use hickory_resolver::{ConnectionProvider, PoolContext};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The most questions that wait at once on one TCP connection.
pub(super) const MOST_ON_A_CONNECTION: usize = 256;

/// Makes connections.
#[derive(Clone)]
pub(super) struct Provider {
    inner: TokioRuntimeProvider,
    timeout: Duration,
    ports: Option<Ports>,
}

/// The ports of servers that hickory knows by their address alone.
#[derive(Clone)]
pub(super) struct Ports {
    /// Of servers met on the way.
    pub(super) usual: u16,
    /// Of those that were given one.
    pub(super) given: Arc<HashMap<IpAddr, u16>>,
}

// === impl Provider ===

impl Provider {
    /// Connections that wait `timeout` for an answer, to `ports` where they are given and else to those in
    /// the configuration of each server.
    pub(super) fn new(timeout: Duration, ports: Option<Ports>) -> Self {
        Self { inner: TokioRuntimeProvider::new(), timeout, ports }
    }

    fn address(&self, ip: IpAddr, port: u16) -> SocketAddr {
        let ours = self.ports.as_ref().map(|ports| ports.given.get(&ip).copied().unwrap_or(ports.usual));
        SocketAddr::new(ip, ours.unwrap_or(port))
    }
}

impl ConnectionProvider for Provider {
    type Conn = DnsExchange<TokioRuntimeProvider>;
    type FutureConn = Pin<Box<dyn Future<Output = Result<Self::Conn, NetError>> + Send + 'static>>;
    type RuntimeProvider = TokioRuntimeProvider;

    fn new_connection(
        &self,
        ip: IpAddr,
        config: &ConnectionConfig,
        _: &PoolContext,
    ) -> Result<Self::FutureConn, NetError> {
        let server = self.address(ip, config.port);
        let (inner, timeout, from) = (self.inner.clone(), self.timeout, config.bind_addr);
        match config.protocol {
            ProtocolConfig::Udp => Ok(Box::pin(async move {
                Ok(UdpClientStream::builder(server, inner)
                    .with_timeout(Some(timeout))
                    .with_bind_addr(from)
                    .exchange())
            })),
            ProtocolConfig::Tcp => {
                let most = Some(MOST_ON_A_CONNECTION);
                Ok(Box::pin(TcpClientStream::exchange(server, from, timeout, most, inner)))
            }
        }
    }

    fn runtime_provider(&self) -> &TokioRuntimeProvider {
        &self.inner
    }
}
