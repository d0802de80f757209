//! The HTTP interface of a running node.
//!
//! # The problem
//! A load balancer wants to know whether to ask this node, a monitoring system how it does, an operator what
//! it serves and why, and a program wants to change a record and to know when the node serves it. None of them
//! may be able to slow an answer down, and none may wait on a thread that answers.
//!
//! # Vocabulary
//! - *Health* is whether the process lives; *readiness* whether the node should be asked: it has been in step
//!   with its log once, and is not about to stop. How fresh its answers are is another question.
//! - A *refusal* is every answer that is not what was asked for: a status and `{"error": "…"}`.
//! - The *door* ([`Access`]) lets in who has the credentials. Without credentials it stands open, on loopback
//!   addresses alone.
//!
//! ```text
//!            GET /healthz /readyz /freshz /metrics  (no credentials asked)
//!  client ──▶ GET /v1/status /v1/zones /v1/zone /v1/zone/reports /v1/records /v1/quarantine
//!            POST /v1/await · PUT, DELETE /v1/records
//!              │
//!              ▼  at most `max_in_flight` at once, each with a time limit
//!            AdminApi ── ReadRecords, ListZones, OpenZone, ReadStoreStatus, AwaitApplied, ReadQuarantine ──▶ zone-store
//!                     ── ReadSources ──▶ event-consumer      ── ReadMetrics ──▶ metric-agent
//!                     ── Publish (never given up) ──▶ event-producer
//! ```
//!
//! # Example
//! The door is a plain struct; time is an argument.
//! ```
//! use admin_api::{Access, Credentials, Offer};
//! use zone_model::Timestamp;
//!
//! let credentials = Credentials { username: "ops".into(), password: "s3cret".into(), jwt_secret: Some("sign".into()) };
//! let access = Access::new(Some(credentials));
//! let token = access.sign_in("ops", "s3cret", Timestamp(0)).unwrap();
//! let offer = format!("Bearer {token}");
//! let offer = Offer { authorization: Some(&offer), cookie: None };
//! assert!(access.check(offer, Timestamp(0)).is_ok());
//! assert!(access.check(offer, Timestamp(3_600_000)).is_err(), "a token is good for an hour");
//! ```
//! `README.md` shows the actor with its peers.

#![forbid(unsafe_code)]

mod access;
mod actor;
mod config;
mod counts;
mod error;
mod freshness;
pub mod json;
mod readiness;
pub mod request;
mod web;

pub use access::{Access, Offer, TOKEN_LIFETIME};
pub use actor::{AdminApi, BoundAdmin, Handle, Peers, bind, spawn_standalone};
pub use config::{Config, Credentials, Freshness};
pub use error::{AdminError, Refusal, SpawnError};
pub use readiness::Readiness;
