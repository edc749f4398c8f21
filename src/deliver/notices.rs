//! What a delivery tells while it goes on: the first failure, and that it stops. Nothing that a server wrote is in it.
//!
//! Without these lines a run whose API is away is silent until its deadline, and a run that was told to stop is silent until
//! the answer comes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{
    config::profile::destination::Destination,
    deliver::response::Answer,
    diagnostic::{Code, Diagnostic, Severity},
    error::Exit,
    recording::receipt::Failure,
};

/// Below this deadline the time of day says less than the deadline itself.
const SHORT: Duration = Duration::from_mins(2);

/// What to tell of the first failure that leads to another try. `elapsed`: since the delivery began; `wall`: the time of day.
pub(crate) fn describe_trouble(
    destination: &Destination,
    ending: &Result<Answer, Failure>,
    elapsed: Duration,
    wall: Timestamp,
) -> Diagnostic {
    let cause = match ending {
        Ok(answer) if answer.status < 300 => format!("answered {}, but not that it took the documents", answer.status),
        Ok(answer) => format!("answered {}", answer.status),
        Err(Failure::Unreachable(cause)) => cause.clone(),
        Err(failure) => failure.to_string(),
    };
    let until = format_end(destination.deadline, elapsed, wall);
    let proxy = destination.proxy.as_ref().and_then(|proxy| proxy.host_str());
    let proxy = proxy.map_or_else(String::new, |proxy| format!(" by the proxy `{proxy}`"));
    let message = format!("`{}`{proxy}: {cause}; trying again until {until}, Ctrl-C is safe", destination.host());
    Diagnostic::new(Code::DeliverTryingAgain, message).severity(Severity::Warning)
}

/// When a delivery gives up: the time of day, or the deadline itself if it is short.
fn format_end(deadline: Duration, elapsed: Duration, wall: Timestamp) -> String {
    if deadline < SHORT {
        return format!("the `deadline` of {} s", deadline.as_secs_f64());
    }
    let left = SignedDuration::try_from(deadline.saturating_sub(elapsed)).unwrap_or(SignedDuration::MAX);
    let Ok(end) = wall.checked_add(left) else { return "its `deadline`".to_owned() };
    let is_today = end.strftime("%Y-%m-%d").to_string() == wall.strftime("%Y-%m-%d").to_string();
    end.strftime(if is_today { "%H:%M UTC" } else { "%Y-%m-%d %H:%M UTC" }).to_string()
}

/// What to tell when a signal stops a run that still waits for answers, for as long as `grace`.
pub(crate) fn describe_stopping(exit: Exit, requests: usize, grace: Duration) -> Diagnostic {
    let what = match requests {
        1 => "the answer to the request under way".to_owned(),
        several => format!("the answers to {several} requests under way"),
    };
    let again = if exit == Exit::Interrupted { "press Ctrl-C again" } else { "send the signal again" };
    let seconds = grace.as_secs();
    let message = format!("stopping: waiting for {what} (at most {seconds} s); {again} to stop now, nothing is lost");
    Diagnostic::new(Code::DeliverStopping, message).severity(Severity::Notice)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use crate::{
        deliver::{
            notices::{describe_stopping, describe_trouble},
            response::Answer,
            tests::destination,
        },
        error::Exit,
        recording::receipt::Failure,
    };

    fn answer(status: u16) -> Answer {
        let location = Some("secret.example".into());
        let (content_type, body) = ("text/secret".into(), b"secret".to_vec());
        Answer { status, content_type, retry_after: Some("secret".into()), date: None, location, body }
    }

    #[test]
    fn the_first_failure_says_where_why_and_until_when() {
        let wall: Timestamp = "2030-01-31T13:32:10Z".parse().unwrap();
        let table = [
            ("15m", Err(Failure::Unreachable("connection refused".into())), "connection refused", "13:46 UTC"),
            ("2m", Err(Failure::Late), "no answer in time", "13:33 UTC"),
            ("11h", Ok(answer(503)), "answered 503", "2030-02-01 00:31 UTC"),
            ("90s", Ok(answer(200)), "answered 200, but not that it took the documents", "the `deadline` of 90 s"),
            ("300ms", Ok(answer(429)), "answered 429", "the `deadline` of 0.3 s"),
        ];
        for (deadline, ending, cause, until) in table {
            let destination = destination("http://127.0.0.1:8080", &[("deadline", deadline)]);
            let said = describe_trouble(&destination, &ending, Duration::from_secs(40), wall).message;
            let expected = format!("`127.0.0.1:8080`: {cause}; trying again until {until}, Ctrl-C is safe");
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn who_stops_a_run_learns_what_it_waits_for() {
        let grace = Duration::from_secs(10);
        let said = describe_stopping(Exit::Interrupted, 1, grace).message;
        let expected = "stopping: waiting for the answer to the request under way (at most 10 s); \
                        press Ctrl-C again to stop now, nothing is lost";
        assert_eq!(said, expected);
        let said = describe_stopping(Exit::Terminated, 3, grace).message;
        let expected = "stopping: waiting for the answers to 3 requests under way (at most 10 s); \
                        send the signal again to stop now, nothing is lost";
        assert_eq!(said, expected);
    }
}
