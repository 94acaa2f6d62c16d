//! Two computations side by side, on two cores if the machine gives a thread. Nothing outlives the call: the only place
//! of this crate that knows of threads.

/// Both results. Without a second thread the one is computed after the other.
pub(crate) fn both<A: Send, B>(first: &(impl Fn() -> A + Sync), second: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| match std::thread::Builder::new().spawn_scoped(scope, first) {
        Ok(beside) => {
            let b = second();
            match beside.join() {
                Ok(a) => (a, b),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Err(_) => (first(), second()),
    })
}
