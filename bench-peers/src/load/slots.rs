//! What was asked on one socket and is not answered yet.

use crate::mix::Questions;

/// The questions under way, by their IDs.
pub(super) struct Slots {
    slots: Box<[Slot]>,
    /// The number of the next question; its low 16 bits are its ID.
    next: u32,
    under_way: usize,
}

/// A question under way.
#[derive(Clone, Copy, Default)]
pub(super) struct Slot {
    waiting: bool,
    id: u16,
    pub(super) question: u32,
    /// When it should have been sent, in nanoseconds since the generator began.
    pub(super) due: u64,
}

// === impl Slots ===

impl Slots {
    /// Room for so many, a power of two up to 2^16.
    pub(super) fn new(count: usize) -> Self {
        Self { slots: vec![Slot::default(); count].into(), next: 0, under_way: 0 }
    }

    pub(super) fn under_way(&self) -> usize {
        self.under_way
    }

    /// Takes a question on; gives its ID, and whether another was given up for it.
    pub(super) fn take(&mut self, question: usize, due: u64) -> (u16, bool) {
        let at = self.next as usize & (self.slots.len() - 1);
        let id = self.next as u16;
        self.next = self.next.wrapping_add(1);
        // What still waits in this place was asked so long ago that it is lost.
        let lost = self.slots[at].waiting;
        self.under_way += usize::from(!lost);
        self.slots[at] = Slot { waiting: true, id, question: question as u32, due };
        (id, lost)
    }

    /// What these octets answer, which is then no longer under way: its ID and its question must be right.
    pub(super) fn settle(&mut self, octets: &[u8], questions: &Questions) -> Option<Slot> {
        let id = u16::from_be_bytes(octets.get(..2)?.try_into().ok()?);
        let place = usize::from(id) & (self.slots.len() - 1);
        let slot = self.slots[place];
        let fits = slot.waiting && slot.id == id && questions.is_answer(slot.question as usize, octets);
        if !fits {
            return None;
        }
        self.slots[place].waiting = false;
        self.under_way -= 1;
        Some(slot)
    }

    /// Gives up what was due before this; says how many.
    pub(super) fn give_up(&mut self, before: u64) -> u64 {
        let mut lost = 0;
        for slot in self.slots.iter_mut().filter(|slot| slot.waiting && slot.due < before) {
            slot.waiting = false;
            lost += 1;
        }
        self.under_way -= lost as usize;
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::Slots;
    use crate::mix::Questions;

    fn questions() -> Questions {
        let mut questions = Questions::default();
        questions.push("a.example.", 1, false, 0, 1);
        questions.push("b.example.", 1, false, 0, 1);
        questions
    }

    fn answer(questions: &mut Questions, index: usize, id: u16) -> Vec<u8> {
        let (start, length) = questions.place(index, id);
        let mut octets = questions.arena()[start..start + length].to_vec();
        octets[2] |= 0x80;
        octets
    }

    #[test]
    fn an_answer_settles_its_question_once() {
        let (mut questions, mut slots) = (questions(), Slots::new(4));
        let (id, _) = slots.take(0, 7);
        let right = answer(&mut questions, 0, id);
        let other_question = answer(&mut questions, 1, id);
        let other_id = answer(&mut questions, 0, id + 4);
        assert!(slots.settle(&other_question, &questions).is_none());
        assert!(slots.settle(&other_id, &questions).is_none());
        assert_eq!(slots.settle(&right, &questions).map(|slot| slot.due), Some(7));
        assert!(slots.settle(&right, &questions).is_none(), "a second time");
        assert!(slots.settle(&[1], &questions).is_none());
        assert_eq!(slots.under_way(), 0);
    }

    #[test]
    fn what_is_never_answered_is_counted_as_lost() {
        let mut slots = Slots::new(2);
        assert!(!slots.take(0, 1).1 && !slots.take(0, 2).1);
        assert!(slots.take(0, 3).1, "the first was given up for it");
        assert_eq!((slots.under_way(), slots.give_up(3), slots.under_way()), (2, 1, 1));
    }
}
