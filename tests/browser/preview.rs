//! The preview: pointing, stepping, saving, and what no other page may do.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
};

use crate::{
    chromium::Chromium,
    program::{RunningPreview, edit, shipped},
};

/// Whether an element is lit.
fn lit(selector: &str) -> String {
    format!("document.querySelector({selector:?}).classList.contains('lit')")
}

#[test]
fn pointing_lights_what_belongs_together_and_keys_lead_to_records() {
    let Some(mut browser) = Chromium::start() else { return };
    let folder = shipped();
    let preview = RunningPreview::start(folder.path(), &["samples/flight-02"]);
    browser.resize(1280, "light");
    browser.open(&preview.url);
    browser.wait("document.querySelector('#shown')?.dataset.record === '1'");

    browser.point("[data-pointer='/purchases/0/price']");
    let cell = "document.querySelector('[data-cell=\"' + document.querySelector(\"[data-pointer='/purchases/0/price']\").dataset.from + '\"]')";
    assert_eq!(browser.eval(&format!("{cell}.innerText")), "10");
    assert_eq!(browser.eval(&format!("{cell}.classList.contains('lit')")), true);
    assert_eq!(browser.eval(&lit("[data-rule='48']")), true);
    let rule = "document.querySelector('[data-contract].lit').innerText.replace(/\\s+/g, ' ')";
    assert_eq!(browser.eval(rule), "22 purchases[].price number · at least 0 · required checked");
    assert_eq!(browser.eval("document.querySelectorAll('[data-cell].lit').length"), 1);
    let says = "document.getElementById('origin-words').innerText.replace(/\\s+/g, ' ')";
    let words = "value /purchases/0/price cell price in purchases.csv:2:16 rule line 48: price: price contract \
                 purchases[].price number · at least 0 · required";
    assert_eq!(browser.eval(says), words);

    // And back: the cell lights the value, the keyboard does what the mouse does.
    browser.eval(&format!("{cell}.id = 'the-cell'"));
    browser.point("#the-cell");
    assert_eq!(browser.eval(&lit("[data-pointer='/purchases/0/price']")), true);
    browser.eval("document.querySelector(\"[data-pointer='/email']\").focus()");
    browser.press("ArrowDown");
    assert_eq!(browser.eval("document.activeElement.dataset.pointer"), "/purchases");
    assert_eq!(browser.eval(&lit("[data-row='r0-0']")), true);
    browser.press("Escape");
    assert_eq!(browser.eval("document.querySelectorAll('.lit').length"), 0);

    let mut at = |key: &str, record: &str| {
        browser.press(key);
        browser.wait(&format!("document.querySelector('#shown').dataset.record === '{record}'"));
        browser.eval("document.querySelector('.record .status').innerText.replace(/\\s+/g, ' ').trim()")
    };
    assert_eq!(at("n", "2"), "✕ rejected");
    assert_eq!(at("p", "1"), "✓ valid");
    assert_eq!(at("p", "12"), "✓ valid");
    for bad in ["2", "3", "4", "7", "2"] {
        assert_eq!(at("b", bad), "✕ rejected");
    }
    assert_eq!(browser.eval("location.hash"), "#record=2");
    let found = "document.querySelector('.json .finding').innerText.replace(/\\s+/g, ' ').trim()";
    assert_eq!(
        browser.eval(found),
        "✕ error: check/range expected at least 1 samples/flight-02/purchases.csv:3:14 quantity: 0"
    );
    let announced = "8 of 12 documents are valid. Record 2 of 12, rejected.";
    assert_eq!(browser.eval("document.getElementById('announcer').textContent"), announced);
    browser.check_layouts();
    browser.check_quiet(&preview.url);
}

#[test]
fn the_page_follows_every_save_and_ends_with_the_program() {
    let Some(mut browser) = Chromium::start() else { return };
    let folder = shipped();
    let mut preview = RunningPreview::start(folder.path(), &["samples/flight-02"]);
    let (mapping, headline) =
        (folder.path().join("mappings/inflight-sales.yaml"), "document.querySelector('h1')?.innerText");
    browser.resize(1280, "light");
    browser.open(&format!("{}#record=7", preview.url));
    browser.wait(&format!("{headline} === '8 of 12 documents are valid'"));
    browser.wait("document.querySelector(\"[data-pointer='/purchases/0/price'] .value\")?.innerText === 'null'");

    // The mapping: its till writes decimals with a comma.
    edit(&mapping, "price: { type: decimal }", "price: { type: decimal, decimal_mark: \",\" }");
    browser.wait("document.querySelector(\"[data-pointer='/purchases/0/price'] .value\")?.innerText === '12.50'");
    edit(&mapping, "decimal_mark: \",\" }", "decimal_mark: \",\" ]");
    browser.wait(&format!("{headline} === 'Nothing can be made: 1 finding'"));
    assert_eq!(browser.eval("document.querySelector('.panes').classList.contains('stale')"), true);
    browser.wait("document.querySelector('.mapping .finding .tag')?.innerText === 'plan/syntax'");
    assert_eq!(browser.eval("document.querySelectorAll('[data-rule]').length"), 0);
    browser.check_layouts();
    edit(&mapping, "decimal_mark: \",\" ]", "decimal_mark: \",\" }");
    browser.wait(&format!("{headline} !== 'Nothing can be made: 1 finding'"));
    assert_eq!(browser.eval("document.querySelector('.panes').classList.contains('stale')"), false);

    // The contract, and a file of the recording.
    edit(&folder.path().join("schemas/customers.schema.json"), "\"Male\"", "\"Man\"");
    browser.wait(&format!("{headline} === 'Nothing can be made: 1 finding'"));
    edit(&folder.path().join("schemas/customers.schema.json"), "\"Man\"", "\"Male\"");
    let purchases = folder.path().join("samples/flight-02/purchases.csv");
    edit(&purchases, "7/01;7;02718;1;12,50;", "7/01;7;02718;1;13,75;");
    browser.wait("document.querySelector(\"[data-pointer='/purchases/0/price'] .value\")?.innerText === '13.75'");
    assert_eq!(browser.eval("document.querySelector('#shown').dataset.record"), "7");
    fs::remove_file(&purchases).unwrap();
    browser.wait("document.querySelector('.general .tag')?.innerText === 'read/missing-file'");
    browser.check_quiet(&preview.url);
    preview.end();
    browser.wait("document.getElementById('ended').hidden === false");
}

#[test]
fn hostile_cells_are_text_and_no_name_is_shown() {
    let Some(mut browser) = Chromium::start() else { return };
    let folder = shipped();
    let hostile =
        "1;2;Norris;<img src=x onerror=document.title=1>;83600;</code><script>document.title=1</script>;a@b.example";
    edit(
        &folder.path().join("samples/flight-00/customers.csv"),
        "1;2;Norris;Chuck;83600;Fréjus;chuck@norris.example",
        hostile,
    );
    let preview = RunningPreview::start(folder.path(), &["samples/flight-00"]);
    browser.open(&preview.url);
    browser.wait("document.querySelector(\"[data-pointer='/first_name'] .value\") !== null");
    let page = browser.eval("document.documentElement.outerHTML");
    for word in ["Norris", "Galante", "example", "onerror"] {
        assert!(!page.as_str().unwrap().contains(word), "{word}");
    }
    let unmasked = RunningPreview::start(folder.path(), &["samples/flight-00", "--unmask"]);
    browser.open(&unmasked.url);
    browser.wait("document.querySelector(\"[data-pointer='/first_name'] .value\") !== null");
    let name = "document.querySelector(\"[data-pointer='/first_name'] .value\").innerText";
    assert_eq!(browser.eval(name), "\"<img src=x onerror=document.title=1>\"");
    assert_eq!(browser.eval("document.querySelector(\"[data-pointer='/email'] .value\").innerText"), "(sensitive)");
    assert_eq!(browser.eval("document.querySelectorAll('img, #shown script').length"), 0);
    assert_ne!(browser.eval("document.title"), "1");
    browser.check_quiet("http://127.0.0.1:");
}

#[test]
fn only_who_knows_the_address_gets_an_answer() {
    let folder = shipped();
    let preview = RunningPreview::start(folder.path(), &["samples/flight-00"]);
    let rest = preview.url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap());
    let status = |method: &str, path: &str, headers: &str| {
        let mut stream = TcpStream::connect(host).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("content-security-policy: default-src 'none'"), "{answer}");
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    let own = format!("Host: {host}\r\n");
    assert_eq!(status("GET", path, &own), "200");
    assert_eq!(status("GET", &format!("{path}view?record=2"), &own), "200");
    assert_eq!(status("GET", &format!("{path}other"), &own), "404");
    assert_eq!(status("POST", path, &own), "405");
    assert_eq!(status("GET", "/", &own), "403");
    assert_eq!(status("GET", &format!("/0{}", &path[1..]), &own), "403");
    assert_eq!(status("GET", path, "Host: example.org\r\n"), "403");
    assert_eq!(status("GET", path, &format!("{own}Origin: http://example.org\r\n")), "403");
    assert_eq!(status("GET", &format!("{path}view"), &format!("{own}Origin: null\r\n")), "403");
}
