//! A headless Chromium, driven by pointer and keys through the DevTools protocol over pipes.
//!
//! The protocol: <https://chromedevtools.github.io/devtools-protocol/>

#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod shown;
pub mod step;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Time limit of an answer; a busy machine takes seconds to start a browser.
const PATIENCE: Duration = Duration::from_secs(30);
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// A browser with one tab.
pub struct Browser {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    calls: u64,
    session: Option<String>,
    events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser with an empty page of `width` pixels.
    pub fn start(width: u32, is_dark: bool) -> Self {
        let profile = tempfile::tempdir().unwrap();
        // The browser reads from file descriptor 3 and writes to 4; its output is dropped.
        let mut child = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#])
            .arg(program())
            .args(["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"])
            .args(["--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = channel();
        thread::spawn(move || {
            for message in output.split(0) {
                let Ok(message) = message else { break };
                if sender.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    break;
                }
            }
        });
        let input = child.stdin.take().unwrap();
        let (calls, session, events) = (0, None, Vec::new());
        let mut browser = Browser { child, input, messages, calls, session, events, _profile: profile };
        browser.open_tab(width, is_dark);
        browser
    }

    fn open_tab(&mut self, width: u32, is_dark: bool) {
        let target = self.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attached = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call("Target.attachToTarget", attached);
        self.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme =
            json!({ "name": "prefers-color-scheme", "value": if is_dark { "dark" } else { "light" } });
        self.call("Emulation.setEmulatedMedia", json!({ "features": [scheme] }));
    }

    /// Opens the file and waits until `condition` holds in it.
    pub fn show(&mut self, file: &Path, condition: &str) {
        let loaded = self.call("Page.navigate", json!({ "url": format!("file://{}", file.display()) }));
        assert_eq!(loaded.get("errorText"), None, "{loaded}");
        let started = Instant::now();
        while self.eval(&format!("document.readyState === 'complete' && Boolean({condition})")) != true {
            assert!(started.elapsed() < PATIENCE, "{condition} does not become true in {}", file.display());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The value of an expression in the page; a promise is awaited.
    #[track_caller]
    pub fn eval(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.call("Runtime.evaluate", asked);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// Waits until the page has drawn pending changes.
    pub fn settle(&mut self) {
        let frames =
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))";
        self.eval(frames);
    }

    pub fn move_to(&mut self, x: f64, y: f64) {
        self.mouse("mouseMoved", x, y, json!({}));
        self.settle();
    }

    pub fn click(&mut self, x: f64, y: f64) {
        self.drag([x, y], [x, y]);
    }

    /// Presses the left button at one point and releases it at another.
    pub fn drag(&mut self, from: [f64; 2], to: [f64; 2]) {
        let left = json!({ "button": "left", "buttons": 1, "clickCount": 1 });
        self.mouse("mouseMoved", from[0], from[1], json!({}));
        self.mouse("mousePressed", from[0], from[1], left.clone());
        if from != to {
            self.mouse("mouseMoved", to[0], to[1], left.clone());
        }
        self.mouse("mouseReleased", to[0], to[1], left);
        self.settle();
    }

    pub fn wheel(&mut self, x: f64, y: f64, delta: f64) {
        self.mouse("mouseWheel", x, y, json!({ "deltaX": 0, "deltaY": delta }));
        self.settle();
    }

    fn mouse(&mut self, kind: &str, x: f64, y: f64, mut more: Value) {
        more.as_object_mut().unwrap().extend([
            ("type".to_owned(), json!(kind)),
            ("x".to_owned(), json!(x)),
            ("y".to_owned(), json!(y)),
        ]);
        self.call("Input.dispatchMouseEvent", more);
    }

    /// Presses a key by its name, with `Shift+` before it for shift.
    pub fn press(&mut self, key: &str) {
        let (modifiers, key) = key.strip_prefix("Shift+").map_or((0, key), |key| (8, key));
        let mut pressed = json!({ "type": "keyDown", "key": key, "modifiers": modifiers });
        match key {
            // Buttons react to text.
            "Enter" => pressed["text"] = json!("\r"),
            " " => pressed["text"] = json!(" "),
            "Tab" => pressed["windowsVirtualKeyCode"] = json!(9),
            _ => {}
        }
        self.call("Input.dispatchKeyEvent", pressed.clone());
        pressed["type"] = json!("keyUp");
        self.call("Input.dispatchKeyEvent", pressed);
        self.settle();
    }

    /// Exceptions so far, and entries of the console that are errors or warnings.
    pub fn complaints(&mut self) -> Vec<Value> {
        self.settle();
        let is_complaint = |event: &&Value| match event["method"].as_str().unwrap() {
            "Runtime.exceptionThrown" => true,
            "Runtime.consoleAPICalled" => {
                ["error", "warning", "assert"].iter().any(|kind| event["params"]["type"] == *kind)
            }
            "Log.entryAdded" => {
                event["params"]["entry"]["level"] != "verbose" && event["params"]["entry"]["level"] != "info"
            }
            _ => false,
        };
        self.events.iter().filter(is_complaint).cloned().collect()
    }

    /// Addresses that the page has requested, except itself and data inside it.
    pub fn requests(&mut self, page: &Path) -> Vec<String> {
        self.settle();
        let asked = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        let addresses = asked.map(|event| event["params"]["request"]["url"].as_str().unwrap().to_owned());
        addresses
            .filter(|address| {
                *address != format!("file://{}", page.display()) && !address.starts_with("data:")
            })
            .collect()
    }

    #[track_caller]
    fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.input.write_all(format!("{message}\0").as_bytes()).unwrap();
        let started = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(started.elapsed());
            let mut answer = (self.messages.recv_timeout(left))
                .unwrap_or_else(|error| panic!("the browser does not answer {method}: {error}"));
            if answer["id"] == self.calls {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its helper processes end with it, so that the profile can be removed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> String {
    let names = match std::env::var("CHROMIUM") {
        Ok(named) => vec![named],
        Err(_) => NAMES.map(str::to_owned).to_vec(),
    };
    let is_there = |name: &&String| {
        let asked = Command::new("sh").args(["-c", "command -v \"$0\"", name]).stdout(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    let found = names.iter().find(is_there).unwrap_or_else(|| {
        panic!(
            "found none of {names:?}, expected Chromium for the tests of the page: install chromium (Debian, Fedora, \
             Arch) or Google Chrome, or set CHROMIUM to the path of one"
        )
    });
    found.clone()
}
