//! A Chromium without a window, led over its pipes.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A browser with one page.
pub(crate) struct Chromium {
    process: Child,
    to: File,
    from: Receiver<Value>,
    session: Option<String>,
    last: u64,
    events: Vec<Value>,
    _profile: TempDir,
}

impl Chromium {
    /// Starts it; `None`: it is not installed, which is no reason to fail outside of CI.
    pub(crate) fn start() -> Option<Chromium> {
        let version = Command::new("chromium").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !version.is_ok_and(|status| status.success()) {
            assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "chromium is not installed");
            // Written past the test harness, which shows nothing of what passes.
            let _ = writeln!(io::stderr(), "skipped: chromium is not installed, so no page was opened");
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        let [commands, answers] = ["commands", "answers"].map(|name| profile.path().join(name));
        assert!(Command::new("mkfifo").args([&commands, &answers]).status().unwrap().success());
        let process = start_process(profile.path(), &commands, &answers);
        let to = OpenOptions::new().write(true).open(&commands).unwrap();
        let answers = BufReader::new(File::open(&answers).unwrap());
        let (tell, from) = mpsc::channel();
        thread::spawn(move || {
            for message in answers.split(0).map_while(Result::ok) {
                if tell.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    break;
                }
            }
        });
        let (events, session) = (Vec::new(), None);
        let mut browser = Chromium { process, to, from, session, last: 0, events, _profile: profile };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", &json!({ "targetId": target, "flatten": true }));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        Some(browser)
    }

    /// Calls a method of the protocol.
    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Value {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let answer = self.from.recv_timeout(PATIENCE).unwrap_or_else(|fault| panic!("{method}: {fault}"));
            if answer["id"] == self.last {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    /// Opens a page, and waits until it is loaded.
    pub(crate) fn open(&mut self, url: &str) {
        // An address that differs behind `#` alone would load nothing.
        self.navigate("about:blank");
        self.navigate(url);
    }

    fn navigate(&mut self, url: &str) {
        let before = self.count("Page.loadEventFired");
        self.call("Page.navigate", &json!({ "url": url }));
        while self.count("Page.loadEventFired") <= before {
            let event = self.from.recv_timeout(PATIENCE).unwrap();
            self.events.push(event);
        }
    }

    fn count(&self, method: &str) -> usize {
        self.events.iter().filter(|event| event["method"] == method).count()
    }

    /// The value of an expression in the page; a promise is waited for.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let done = self.call("Runtime.evaluate", &params);
        assert!(done.get("exceptionDetails").is_none(), "{expression}: {done}");
        done["result"]["value"].clone()
    }

    /// Waits until an expression is true in the page.
    pub(crate) fn wait(&mut self, condition: &str) {
        let found = self.eval(&format!(
            "new Promise((done) => {{
                const look = () => ({condition}) ? done('yes') : setTimeout(look, 10);
                setTimeout(() => done(document.body.innerText.slice(0, 2000)), 20000);
                look();
            }})"
        ));
        assert_eq!(found, "yes", "never true: {condition}");
    }

    /// Moves the mouse over an element.
    pub(crate) fn point(&mut self, selector: &str) {
        let place = self.eval(&format!(
            "(() => {{
                const element = document.querySelector({selector:?});
                element.scrollIntoView({{ block: 'center' }});
                const box = element.getBoundingClientRect();
                return [box.left + Math.min(box.width / 2, 60), box.top + box.height / 2];
            }})()"
        ));
        let params = json!({ "type": "mouseMoved", "x": place[0], "y": place[1] });
        self.call("Input.dispatchMouseEvent", &params);
    }

    /// Presses a key.
    pub(crate) fn press(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        for kind in ["keyDown", "keyUp"] {
            self.call("Input.dispatchKeyEvent", &json!({ "type": kind, "key": key, "text": text }));
        }
    }

    /// Looks at the page with another width and theme: nothing may stand beyond its right edge.
    pub(crate) fn check_layouts(&mut self) {
        for (width, theme) in [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")] {
            self.resize(width, theme);
            let widths = self.eval("[document.documentElement.scrollWidth, innerWidth]");
            assert!(widths[0].as_u64() <= widths[1].as_u64(), "{width} {theme}: {widths}");
            let is_dark = "matchMedia('(prefers-color-scheme: dark)').matches";
            assert_eq!(self.eval(is_dark), theme == "dark");
            let colours =
                self.eval("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]");
            let lightness = |colour: &Value| {
                let digits = colour.as_str().unwrap().split(|c: char| !c.is_ascii_digit());
                digits.filter_map(|part| part.parse::<u32>().ok()).take(3).sum::<u32>()
            };
            assert_eq!(lightness(&colours[0]) > lightness(&colours[1]), theme == "dark", "{theme}: {colours}");
        }
        self.resize(1280, "light");
    }

    /// Sets the width and the theme.
    pub(crate) fn resize(&mut self, width: u64, theme: &str) {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": theme }] });
        self.call("Emulation.setEmulatedMedia", &media);
    }

    /// Fails if the page said anything on its console, or asked for anything that does not begin so.
    pub(crate) fn check_quiet(&mut self, own: &str) {
        // What happened so far has been told before this is answered.
        self.eval("0");
        let loud = ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"];
        let said: Vec<&Value> =
            self.events.iter().filter(|event| loud.iter().any(|method| event["method"] == *method)).collect();
        assert!(said.is_empty(), "{said:?}");
        let asked = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        let urls = asked.filter_map(|event| event["params"]["request"]["url"].as_str());
        let elsewhere: Vec<&str> = urls.filter(|url| !url.starts_with(own) && *url != "about:blank").collect();
        assert!(elsewhere.is_empty(), "{elsewhere:?}");
    }
}

/// A shell gives the browser its two pipes as descriptors 3 and 4.
fn start_process(profile: &Path, commands: &Path, answers: &Path) -> Child {
    let script = "exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
                  --disable-background-networking --disable-component-update --disable-sync --disable-extensions \
                  --user-data-dir=\"$1\" --remote-debugging-pipe 3<\"$2\" 4>\"$3\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).args([profile, commands, answers]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // It ends its own processes when it is asked to, and would leave them behind when it is killed.
        self.session = None;
        let message = json!({ "id": self.last + 1, "method": "Browser.close" });
        let _ = self.to.write_all(format!("{message}\0").as_bytes());
        while self.from.recv_timeout(PATIENCE).is_ok() {}
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
