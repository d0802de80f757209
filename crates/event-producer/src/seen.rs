//! What of a log somebody has seen who is about to change it: for conditions ("only if nothing changed since").

use crate::state::{LogState, Zones};
use messages::PublishError;
use zone_model::{Event, EventKey, Name, RecordType};

/// What of a log has been seen.
#[derive(Debug, Default)]
pub(crate) enum Seen {
    /// Nothing, for nobody has asked: a condition means nothing yet, and nothing has to be remembered.
    #[default]
    Nothing,
    /// Everything but the events of these keys, which others wrote since.
    But(Vec<EventKey>),
    /// What was there then; what came since cannot be known, for this reason.
    Lost(String),
}

// === impl Seen ===

impl Seen {
    /// Everything that has been read so far.
    pub(crate) const ALL: Self = Self::But(Vec::new());

    /// Others wrote an event.
    pub(crate) fn note(&mut self, event: &Event) {
        if let Self::But(others) = self {
            others.extend(event.event_key().cloned());
        }
    }

    /// What others wrote cannot be known from here on.
    pub(crate) fn lose(&mut self, why: impl Into<String>) {
        if !matches!(self, Self::Nothing) {
            *self = Self::Lost(why.into());
        }
    }

    /// A change is being published: whoever makes the next one has seen it, and what it was made of.
    pub(crate) fn published(&mut self) {
        if !matches!(self, Self::Nothing) {
            *self = Self::ALL;
        }
    }

    /// Refuses a change that was made for a zone as it was seen, where that may be another by now.
    pub(crate) fn refuse_changed(
        &self,
        state: &LogState,
        apex: &Name,
        zones: &[Name],
    ) -> Result<(), PublishError> {
        let others = match self {
            Self::Nothing => return Ok(()),
            Self::But(others) => others,
            Self::Lost(why) => {
                return Err(PublishError::Conflict(format!("{why}; look again, and try again")));
            }
        };
        let zones = Zones::new(state, zones, &[]);
        // The SOA comes with every change; another RRset says more.
        let of_zone = others.iter().filter(|key| zones.of_key(key).as_ref() == Some(apex));
        match of_zone.min_by_key(|key| key.rtype == RecordType::SOA) {
            Some(key) => Err(PublishError::Conflict(format!(
                "somebody else changed {} {} of {apex} since it was read",
                key.owner, key.rtype
            ))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{event, fold};

    /// Who publishes and never looks, as a node's own producer does, remembers nothing of what others write.
    #[test]
    fn nothing_is_remembered_for_nobody() {
        let apex: Name = "example".parse().unwrap();
        let soa = event(0, 1, 1, "example.|SOA", &["ns.example. host.example. 7 2 3 4 5"]);
        let (a, other) = (event(0, 2, 1, "a.example.|A", &[]), event(0, 3, 1, "a.other.|A", &[]));
        let state = fold(&[soa.clone(), a.clone(), other.clone()]);
        let mut seen = Seen::default();
        for event in [&soa, &a, &other] {
            seen.note(event);
        }
        seen.published();
        seen.lose("whatever");
        assert!(matches!(seen, Seen::Nothing));
        seen.refuse_changed(&state, &apex, &[]).unwrap();
        let mut seen = Seen::ALL;
        seen.note(&other);
        seen.refuse_changed(&state, &apex, &[]).unwrap();
        seen.note(&soa);
        seen.note(&a);
        let error = seen.refuse_changed(&state, &apex, &[]).unwrap_err().to_string();
        assert!(error.contains("a.example. A of example."), "{error}");
        seen.lose("it is gone");
        assert!(
            seen.refuse_changed(&state, &apex, &[])
                .unwrap_err()
                .to_string()
                .contains("it is gone; look again")
        );
        seen.published();
        seen.refuse_changed(&state, &apex, &[]).unwrap();
    }
}
