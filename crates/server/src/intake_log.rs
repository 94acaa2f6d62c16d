//! What the log says about an intake of revocation lists that failed.

use musubi_verification::revocation::IntakeError;
use tracing::Level;

/// Remembers what the log said last: the intake runs every second, and the same failure is told once.
#[derive(Debug, Default)]
pub(crate) struct IntakeLog {
    last: Option<String>,
}

impl IntakeLog {
    /// Lists came, or there were none to come: the next failure is news.
    pub(crate) fn succeeded(&mut self) {
        self.last = None;
    }

    /// Writes the failure down if it is not the one that was written last.
    pub(crate) fn failed(&mut self, error: &IntakeError) {
        match self.news(error) {
            Some(Level::ERROR) => {
                tracing::error!(%error, "no newer revocation list: the one given is refused; answers go on until the lists held are too old");
            }
            Some(_) => {
                tracing::warn!(%error, "no newer revocation list; answers go on until the lists held are too old");
            }
            None => {}
        }
    }

    /// The level to tell the failure at; `None` if it was told. An authority or a database that stays away comes back;
    /// a list that is refused may be an attack, and somebody must look.
    fn news(&mut self, error: &IntakeError) -> Option<Level> {
        let text = error.to_string();
        if self.last.as_ref() == Some(&text) {
            return None;
        }
        self.last = Some(text);
        Some(match error {
            IntakeError::Upstream(_) | IntakeError::Store(_) => Level::WARN,
            _ => Level::ERROR,
        })
    }
}

#[cfg(test)]
mod tests {
    use musubi_store::StoreError;
    use musubi_verification::upstream::UpstreamError;

    use super::*;

    #[test]
    fn every_other_failure_is_told_once_and_a_refused_list_as_an_error() {
        let mut log = IntakeLog::default();
        let away = IntakeError::Upstream(UpstreamError::Unreachable);
        assert_eq!(log.news(&away), Some(Level::WARN));
        assert_eq!(log.news(&away), None);
        assert_eq!(log.news(&IntakeError::RolledBack), Some(Level::ERROR), "another cause behind the first");
        assert_eq!(log.news(&IntakeError::RolledBack), None);
        assert_eq!(log.news(&IntakeError::NotAsAnnounced), Some(Level::ERROR));
        assert_eq!(log.news(&IntakeError::Store(StoreError::Corrupt("x"))), Some(Level::WARN));
        assert_eq!(log.news(&away), Some(Level::WARN));
    }

    #[test]
    fn after_a_success_the_same_failure_is_news() {
        let mut log = IntakeLog::default();
        assert_eq!(log.news(&IntakeError::RolledBack), Some(Level::ERROR));
        log.succeeded();
        assert_eq!(log.news(&IntakeError::RolledBack), Some(Level::ERROR));
    }
}
