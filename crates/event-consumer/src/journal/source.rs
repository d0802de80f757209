//! A journal as a [`Source`].

use super::alarm;
use super::header::{id_of, read_header};
use super::line::PARTITION;
use super::opened::{Look, Opened, goes_on, inode};
use super::proof::{Disk, Doubt, SystemDisk};
use super::watch::{Watch, Watched};
use crate::config::JournalConfig;
use crate::source::{Output, Progress, Source};
use std::fs::File;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use zone_model::{JournalHeader, JournalPosition, Partition, Position, SourceId, Timestamp};

/// A journal that is read, or waited for.
pub(crate) struct JournalSource {
    path: PathBuf,
    id: SourceId,
    sync: bool,
    disk: Box<dyn Disk>,
    doubt: Arc<Doubt>,
    in_step_every: Duration,
    watch: Option<Watch>,
    watch_failed: bool,
    /// Where reading goes on when the file is there.
    from: Start,
    file: Option<Opened>,
    /// What was said last of a file that cannot be read, so that it is said once.
    away: Option<String>,
    /// It said its last word: an alarm, or that it is to be read again.
    over: bool,
}

/// Where reading goes on.
#[derive(Clone, Debug)]
enum Start {
    /// At the beginning of whatever file is there.
    Beginning,
    /// At the end of whatever file is there.
    End,
    /// In a certain file.
    Behind(JournalPosition),
    /// Nowhere: the stored position is no journal's.
    Nowhere(String),
}

/// A step that came to its end early, after it said why.
struct Told;

// === impl JournalSource ===

impl JournalSource {
    pub(crate) fn open(
        config: &JournalConfig,
        id: SourceId,
        in_step_every: Duration,
        positions: &[(Partition, Position)],
        doubt: Arc<Doubt>,
    ) -> Self {
        let stored = positions.iter().find(|(partition, _)| *partition == PARTITION);
        let from = match stored.map(|(_, position)| JournalPosition::decode(position)) {
            None => Start::Beginning,
            Some(Ok(position)) => Start::Behind(position),
            Some(Err(error)) => Start::Nowhere(alarm::foreign(&config.path, &error)),
        };
        Self {
            path: config.path.clone(),
            id,
            sync: config.sync,
            disk: Box::new(SystemDisk),
            doubt,
            in_step_every,
            watch: None,
            watch_failed: false,
            from,
            file: None,
            away: None,
            over: false,
        }
    }

    /// Reads from the file's present end on.
    pub(crate) fn at_end(mut self) -> Self {
        self.from = Start::End;
        self
    }

    /// On a disk that fails when it is told to.
    #[cfg(test)]
    pub(crate) fn on(self, disk: Box<dyn Disk>) -> Self {
        Self { disk, ..self }
    }

    /// Looks at the file as it is now. Returns whether more is ready at once.
    fn look(&mut self, out: &mut Vec<Output>) -> Result<bool, Told> {
        let mut opened = match self.file.take() {
            Some(opened) => opened,
            None => self.find(out)?,
        };
        let looked = self.look_into(&mut opened, out);
        // Also after an error: what was read before stays read. And after an alarm: it is synced before it is handed on.
        if self.file.is_none() && !matches!(looked, Ok(Next::Reopen)) {
            self.file = Some(opened);
        }
        Ok(match looked? {
            Next::Wait => false,
            Next::More | Next::Reopen => true,
        })
    }

    fn look_into(&mut self, opened: &mut Opened, out: &mut Vec<Output>) -> Result<Next, Told> {
        let now = now();
        // The path is looked at first: what was appended before the file was replaced is in it when it is read.
        let at_path = std::fs::metadata(&self.path);
        let on_disk = opened.file.metadata().map_err(|error| self.failed(&error, out))?;
        if on_disk.len() < opened.read_to() {
            let alarm = alarm::shrank(&self.path, on_disk.len(), opened.read_to());
            return Err(self.alarm(alarm, out));
        }
        if on_disk.len() > opened.read_to()
            && !opened.is_as_read().map_err(|error| self.failed(&error, out))?
        {
            return Err(self.alarm(alarm::rewritten(&self.path, opened.at.offset), out));
        }
        let is_the_journal = at_path.as_ref().is_ok_and(|metadata| inode(metadata) == opened.at.inode);
        let in_step_every = is_the_journal.then_some(self.in_step_every);
        let look = opened.read(&self.path, &self.id, on_disk.len(), now, in_step_every, out);
        match look.map_err(|error| self.failed(&error, out))? {
            Look::More => return Ok(Next::More),
            Look::All => {}
            Look::Other(id) => {
                let alarm = alarm::another_id(&self.path, &id, &self.id);
                return Err(self.alarm(alarm, out));
            }
        }
        match at_path {
            Ok(_) if is_the_journal => {
                self.back(out);
                Ok(Next::Wait)
            }
            Ok(_) => {
                match opened.goes_on_in(&self.path, &self.id).map_err(|error| self.failed(&error, out))? {
                    Some(position) => {
                        tracing::info!(path = %self.path.display(), "the journal was compacted; reading goes on behind");
                        self.from = Start::Behind(position);
                        Ok(Next::Reopen)
                    }
                    None => {
                        let header = read_header(&self.path).map_err(|error| self.failed(&error, out))?;
                        Err(self.another_file(header.as_ref(), &opened.at, out))
                    }
                }
            }
            Err(error) => Err(self.failed(&error, out)),
        }
    }

    /// Opens the file if it is there, and looks whether it is the one that was read before.
    fn find(&mut self, out: &mut Vec<Output>) -> Result<Opened, Told> {
        let opened = File::open(&self.path).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
        let (file, metadata) = match opened {
            Ok(opened) => opened,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(self.away(format!("{} is not there yet", self.path.display()), out));
            }
            Err(error) => return Err(self.failed(&error, out)),
        };
        if !metadata.is_file() {
            return Err(self.away(format!("{} is not a file", self.path.display()), out));
        }
        let header = read_header(&self.path).map_err(|error| self.failed(&error, out))?;
        if id_of(header.as_ref()) != self.id.as_str() {
            let alarm = alarm::another_id(&self.path, id_of(header.as_ref()), &self.id);
            return Err(self.alarm(alarm, out));
        }
        let generation = header.as_ref().map_or(0, |header| header.generation);
        let at = match self.from.clone() {
            Start::Beginning | Start::End => {
                JournalPosition { generation, inode: inode(&metadata), ..JournalPosition::default() }
            }
            Start::Nowhere(alarm) => return Err(self.alarm(alarm, out)),
            Start::Behind(at) if at.inode == inode(&metadata) && at.generation == generation => at,
            Start::Behind(at) => {
                let goes_on = goes_on(&self.path, &self.id, &at).map_err(|error| self.failed(&error, out))?;
                match goes_on {
                    Some(at) => at,
                    None => return Err(self.another_file(header.as_ref(), &at, out)),
                }
            }
        };
        if metadata.len() < at.offset {
            return Err(self.alarm(alarm::shrank(&self.path, metadata.len(), at.offset), out));
        }
        let doubt_to = self.doubt.of(inode(&metadata));
        let opened = Opened::behind(file, at, doubt_to).map_err(|error| self.failed(&error, out))?;
        let Some(mut opened) = opened else {
            return Err(self.alarm(alarm::rewritten(&self.path, at.offset), out));
        };
        if matches!(self.from, Start::End) {
            opened.skip(&self.path, &self.id).map_err(|error| self.failed(&error, out))?;
        }
        self.away = None;
        // It is another file than the one that is watched.
        self.watch = None;
        self.ensure_watch();
        let log = Output::Log(opened.facts(), Vec::new());
        out.extend([Output::Connected, log, Output::Partition(PARTITION)]);
        if at.mark.is_none() && at.offset > 0 {
            // Stored without a mark, by an older version or for the file before this one: from now on there is one.
            out.push(Output::Passed(PARTITION, opened.at.encode()));
        }
        Ok(opened)
    }

    fn failed(&mut self, error: &std::io::Error, out: &mut Vec<Output>) -> Told {
        self.away(format!("{}: {error}", self.path.display()), out)
    }

    fn away(&mut self, error: String, out: &mut Vec<Output>) -> Told {
        if self.away.as_ref() != Some(&error) {
            self.away = Some(error.clone());
            out.push(Output::Away(error));
        }
        Told
    }

    fn back(&mut self, out: &mut Vec<Output>) {
        if self.away.take().is_some() {
            out.push(Output::Connected);
        }
    }

    /// Another file stands at the path than that of which `at` was read. A later generation of the same journal, which
    /// says all that the part not read had said, is read from its beginning; any other file is an alarm.
    fn another_file(
        &mut self,
        header: Option<&JournalHeader>,
        at: &JournalPosition,
        out: &mut Vec<Output>,
    ) -> Told {
        let is_later = |header: &JournalHeader| match header.generation.checked_sub(at.generation) {
            None | Some(0) => false,
            // It replaced the file that was read, which was at least as long as that.
            Some(1) => header.replaced >= at.offset,
            Some(_) => true,
        };
        if !header.is_some_and(|header| header.id == self.id.as_str() && is_later(header)) {
            return self.alarm(alarm::replaced(&self.path), out);
        }
        self.over = true;
        let path = self.path.display();
        out.push(Output::Rebuild(format!("{path} was compacted before all of the old file was read")));
        Told
    }

    fn alarm(&mut self, text: String, out: &mut Vec<Output>) -> Told {
        self.over = true;
        out.push(Output::Alarm(text));
        Told
    }

    /// Watches the file, or where it is to appear. What is written from here on is noticed, so this comes before the
    /// look at it.
    fn ensure_watch(&mut self) {
        if self.is_watched_rightly() && self.watch.is_some() {
            return;
        }
        let watch = match self.wanted_watch() {
            Watched::Directory => Watch::new(&self.path, Watched::Directory),
            // It may have gone a moment ago.
            Watched::File => {
                Watch::new(&self.path, Watched::File).or_else(|_| Watch::new(&self.path, Watched::Directory))
            }
        };
        match watch {
            Ok(watch) => (self.watch, self.watch_failed) = (Some(watch), false),
            Err(error) => {
                self.watch = None;
                if !std::mem::replace(&mut self.watch_failed, true) {
                    let path = self.path.display();
                    tracing::warn!(%path, %error, "the journal cannot be watched; it is looked at instead");
                }
            }
        }
    }

    fn wanted_watch(&self) -> Watched {
        match self.away {
            None => Watched::File,
            Some(_) => Watched::Directory,
        }
    }

    /// Whether what is watched, if anything is, is what should be.
    fn is_watched_rightly(&self) -> bool {
        self.watch.as_ref().is_none_or(|watch| watch.watches() == self.wanted_watch())
    }

    /// Waits until the file may have changed. Without a watch the caller's own rhythm is the poll.
    fn wait(&self, timeout: Duration) {
        match &self.watch {
            // It is looked at either way.
            Some(watch) => drop(watch.wait(timeout)),
            None => std::thread::sleep(timeout),
        }
    }
}

/// What to do after a look.
enum Next {
    Wait,
    More,
    /// The file was compacted.
    Reopen,
}

impl Source for JournalSource {
    fn poll(&mut self, timeout: Duration, out: &mut Vec<Output>) -> bool {
        if self.over {
            std::thread::sleep(timeout);
            return false;
        }
        let deadline = Instant::now() + timeout;
        let mut looked_again = false;
        loop {
            self.ensure_watch();
            // What was heard of until now is seen in this look.
            if let Some(watch) = &self.watch {
                watch.forget();
            }
            let more = self.look(out).unwrap_or(false);
            if more || !out.is_empty() {
                return more;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            // Otherwise the file came or went, and another watch comes before another look; once, for it may be a file
            // that cannot be watched.
            if looked_again || self.is_watched_rightly() {
                self.wait(left);
            }
            looked_again = true;
        }
    }

    fn settle(&mut self) -> Result<(), String> {
        match self.file.as_mut().filter(|_| self.sync) {
            Some(opened) => {
                let was = opened.doubt_to();
                let synced = opened.sync(&mut *self.disk, &self.path, &self.id);
                if opened.doubt_to() != was {
                    self.doubt.keep(opened.at.inode, opened.doubt_to());
                }
                synced
            }
            None => Ok(()),
        }
    }

    fn progress(&self) -> Vec<Progress> {
        let progress =
            |opened: &Opened| Progress { partition: PARTITION, at: opened.place(), lag: opened.lag() };
        self.file.iter().map(progress).collect()
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
