//! What went wrong with a delivery or with what is written, explained.

use crate::{
    diagnostic::Code,
    explanation::example::{Explanation, explanation},
};

/// Explains a code of this part; `None`: another part does.
#[expect(clippy::too_many_lines, reason = "a table of texts")]
pub(super) fn explain(code: Code) -> Option<Explanation> {
    Some(match code {
        Code::DeliverRefused => explanation(
            "the API refused for good",
            "PUT /v1/customers → 401",
            "PUT /v1/customers → 200",
            "Look at `url` and `auth` of the profile and at `request` of the mapping.",
        ),
        Code::DeliverRedirect => explanation(
            "the API answered with a redirect",
            "url: https://myhostname.com → 307 to https://api.myhostname.com",
            "url: https://api.myhostname.com",
            "Set `url` to where the API really is.",
        ),
        Code::DeliverIdentity => explanation(
            "the identity of the server is not proven",
            "a certificate for another name",
            "a certificate for the host of `url`",
            "Look at the certificate, at `ca_file` and at the clock; no switch skips this.",
        ),
        Code::DeliverRejected => explanation(
            "the API rejected a document",
            "PUT [{ … }, { … }] → 422",
            "PUT [{ … }] → 200",
            "Correct the cells that are named; compare the contract with what the API expects.",
        ),
        Code::DeliverHeldBack => explanation(
            "nothing is sent without the rejected documents",
            "collection: replace, and one of 300 customers is rejected",
            "collection: replace, and 300 good customers",
            "Correct the rejected rows, or say `on_incomplete: send` beside `each`.",
        ),
        Code::DeliverTooLarge => explanation(
            "one document is too large for the API",
            "a customer with 40,000 purchases → 413",
            "a customer with 40 purchases → 200",
            "Divide the record, or ask the owner of the API.",
        ),
        Code::DeliverUnreachable => explanation(
            "the API was not reached until the deadline",
            "connection refused, again and again",
            "200",
            "Run the same command again; look at the network and at `url`.",
        ),
        Code::DeliverNoAnswer => explanation(
            "what answered is no API",
            "200 with a login page",
            "200 with JSON",
            "Look for a proxy or a login page on the way, then run again.",
        ),
        Code::DeliverTryingAgain => explanation(
            "the API failed for the first time",
            "connection refused",
            "200",
            "Nothing; the run goes on until its `deadline`.",
        ),
        Code::DeliverStopping => explanation(
            "the run waits for its last answers",
            "Ctrl-C",
            "130",
            "Wait, or press Ctrl-C again; then run the same command again.",
        ),
        Code::DeliverInterrupted => {
            explanation("the run was interrupted", "Ctrl-C", "xwalk convert landed", "Run the same command again.")
        }
        Code::DeliverState => explanation(
            "the state folder cannot be used",
            "--state /mnt/shared   # others may write there",
            "--state ~/.local/state/xwalk",
            "Name a folder of this user that nobody else may write to.",
        ),
        Code::DeliverBusy => explanation(
            "another run delivers to the same target",
            "two runs at once",
            "one run after the other",
            "Run again when the other one is over.",
        ),
        Code::DeliverUnfinished => explanation(
            "inputs were replaced while a delivery is unfinished",
            "monday.csv (half sent), then tuesday.csv",
            "monday.csv until it is sent, then tuesday.csv",
            "Put the earlier files back and run again, or give them up with `--supersede`.",
        ),
        Code::DeliverDamagedJournal => explanation(
            "the journal is damaged",
            "epoch-1 with a changed byte",
            "epoch-1 as it was written",
            "Nothing; everything is sent again. Look at the disk.",
        ),
        Code::DeliverGrace => explanation(
            "a request may still be on the way",
            "a run that was killed, then one with other documents",
            "the second run after the `grace` of the profile",
            "Wait; interrupting is safe.",
        ),
        Code::DeliverNotRecorded => explanation(
            "an answer could not be recorded",
            "200, and the disk is full",
            "200, and the journal has it",
            "Free the disk that holds the state folder, then run again.",
        ),
        Code::SandboxCannotListen => explanation(
            "the sandbox cannot listen",
            "xwalk sandbox --port 8080",
            "xwalk sandbox --port 0",
            "Name another port, or 0 for a free one.",
        ),
        Code::PreviewCannotListen => explanation(
            "the preview cannot listen",
            "xwalk preview --port 8080",
            "xwalk preview",
            "Name another port, or leave the flag out for a free one.",
        ),
        Code::ReportCannotWrite => explanation(
            "a file or folder cannot be written",
            "xwalk convert landed -o nowhere/customers.json",
            "mkdir nowhere && xwalk convert landed -o nowhere/customers.json",
            "Name a place that this user may write to.",
        ),
        Code::ReportOneOnEachLine => explanation(
            "a `.json` file holds a document on each line",
            "xwalk convert landed -o orders.json",
            "xwalk convert landed -o orders.jsonl",
            "Name the file `.jsonl`, or use `root: array` if the API takes a list.",
        ),
        Code::ReportTooManyRejects => explanation(
            "more rows were rejected than allowed",
            "xwalk convert landed --max-rejects 1%",
            "xwalk convert landed --max-rejects 5%",
            "Correct the rejected rows, or allow more.",
        ),
        _ => return None,
    })
}
