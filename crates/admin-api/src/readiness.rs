//! Whether the node should be asked.

use messages::StoreStatus;

/// What `/readyz` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Ask it.
    Ready,
    /// It is about to stop.
    Draining,
    /// It has not been in step with its log yet, and answers SERVFAIL.
    NotInStep,
    /// The store does not say.
    StoreSilent,
}

// === impl Readiness ===

impl Readiness {
    /// Judges by what is known: whether the node is about to stop, the store's status, if it gave one, and whether it
    /// was in service already and its store is there still.
    ///
    /// Ready means to have been in step once: a broker that goes away makes answers stale, and takes no node
    /// out of service. Nor does a store that is busy, as where it makes all zones anew at the end of a rebuild: what was
    /// in service goes on being answered from meanwhile.
    pub fn of(draining: bool, store: Option<&StoreStatus>, was_in_service: bool) -> Self {
        match store {
            _ if draining => Self::Draining,
            None if was_in_service => Self::Ready,
            None => Self::StoreSilent,
            Some(status) if !status.in_service => Self::NotInStep,
            Some(_) => Self::Ready,
        }
    }

    /// For people and for programs, why not; `None` where it is ready.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Ready => None,
            Self::Draining => Some("the node is about to stop"),
            Self::NotInStep => Some("the node has not been in step with its log yet"),
            Self::StoreSilent => Some("the store does not answer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_in_service_and_not_draining() {
        let status = |in_service| StoreStatus { in_service, ..StoreStatus::default() };
        for (draining, store, was, expected) in [
            (false, Some(status(true)), false, Readiness::Ready),
            (false, Some(status(false)), false, Readiness::NotInStep),
            (false, None, false, Readiness::StoreSilent),
            (false, None, true, Readiness::Ready),
            (true, Some(status(true)), true, Readiness::Draining),
            (true, None, true, Readiness::Draining),
        ] {
            let readiness = Readiness::of(draining, store.as_ref(), was);
            assert_eq!(readiness, expected);
            assert_eq!(readiness.reason().is_none(), expected == Readiness::Ready);
        }
    }
}
