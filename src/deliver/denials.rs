//! Answers such as 403 and 404 since something was last accepted: is it some documents, or is it everything?
//!
//! Pure. A firewall or a worker may deny single documents; a wrong URL or a token without rights is denied for all. If
//! others pass it is the documents. Nothing is proven by what was accepted before.

/// How many requests in a row may be denied after something was accepted, before single documents are tried.
const SEARCH: u32 = 8;
/// How many requests in a row show that everything is denied.
const ENOUGH: u32 = 16;
/// How many documents that are denied alone show it. All of eight documents are tried.
const ENOUGH_ALONE: u32 = 8;

/// What was denied since something was last accepted.
#[derive(Debug, Default)]
pub(crate) struct Denials {
    count: u32,
    /// How many of them were single documents.
    alone: u32,
    /// The number of the first of these requests.
    since: u64,
    /// The last status.
    status: u16,
    /// The number of the latest request that was accepted; this one is never forgotten.
    accepted: u64,
}

impl Denials {
    /// Counts one more.
    pub(crate) fn add(&mut self, request: u64, status: u16, documents: u64) {
        self.since = if self.count == 0 { request } else { self.since.min(request) };
        self.count += 1;
        self.alone += u32::from(documents == 1);
        self.status = status;
    }

    /// Notes that a request was accepted. One that was sent before the first of these proves nothing.
    pub(crate) fn accept(&mut self, request: u64) {
        let accepted = self.accepted.max(request);
        if request > self.since {
            *self = Denials::default();
        }
        self.accepted = accepted;
    }

    /// Whether a request was accepted that was sent after this one, which was denied.
    pub(crate) fn are_passed(&self, denied: u64) -> bool {
        self.accepted > denied
    }

    /// Whether single documents should be tried. `accepts`: something was accepted in this run.
    pub(crate) fn want_probe(&self, accepts: bool) -> bool {
        self.count >= if accepts { SEARCH } else { 1 }
    }

    /// Whether they show that everything is denied.
    pub(crate) fn are_enough(&self) -> bool {
        self.count >= ENOUGH || (self.alone >= ENOUGH_ALONE && self.count >= ENOUGH_ALONE)
    }

    /// Whether they are so few that they can be about single documents, at the end of a run.
    pub(crate) fn are_few(&self) -> bool {
        self.count < SEARCH
    }

    /// The last status.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }
}

#[cfg(test)]
mod tests {
    use super::Denials;

    #[test]
    fn only_what_was_sent_later_shows_that_others_pass() {
        let mut denials = Denials::default();
        denials.add(3, 403, 500);
        assert!(denials.want_probe(false) && !denials.want_probe(true));
        denials.accept(2);
        assert!(denials.want_probe(false) && !denials.are_passed(3));
        denials.accept(4);
        assert!(!denials.want_probe(false) && denials.are_passed(3) && !denials.are_passed(4));
    }

    #[test]
    fn eight_alone_or_sixteen_in_a_row_are_enough() {
        let mut denials = Denials::default();
        (0..7).for_each(|request| denials.add(request, 404, 1));
        assert!(!denials.are_enough() && denials.are_few());
        denials.add(7, 404, 1);
        assert!(denials.are_enough() && !denials.are_few());
        let mut denials = Denials::default();
        (0..15).for_each(|request| denials.add(request, 404, 2));
        assert!(!denials.are_enough() && denials.want_probe(true));
        denials.add(15, 404, 2);
        assert!(denials.are_enough());
        assert_eq!(denials.status(), 404);
    }
}
