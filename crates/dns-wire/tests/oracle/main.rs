//! Random zones and random queries: the fast answer against the slow, obvious one, message for message; and octets
//! of all kinds, which must do no harm.

#[path = "../support/mod.rs"]
mod support;

mod compare;
mod data;
mod hostile;
mod run;
mod shapes;
mod slow;
mod strategy;
