//! The report as a page: no request, both themes, both widths, a text for every picture, and filters in the address.

use std::{fs, process::Command};

use crate::{
    chromium::Chromium,
    program::{edit, shipped},
};

/// What every picture has to have.
const PICTURES_WITHOUT_TEXT: &str = "[...document.querySelectorAll('svg')].filter((picture) => \
                                     picture.getAttribute('role') !== 'img' || !picture.getAttribute('aria-label')).length";

#[test]
fn a_report_is_one_page_that_needs_nothing() {
    let Some(mut browser) = Chromium::start() else { return };
    let folder = shipped();
    edit(&folder.path().join("samples/flight-02/purchases.csv"), "1/01;1;04324;1;10;", "1/01;1;<b>hi;1;10;");
    let page = folder.path().join("report.html");
    let mut command = Command::new(env!("CARGO_BIN_EXE_xwalk"));
    command.current_dir(folder.path()).env_remove("XWALK_PROFILE");
    let done = command.args(["convert", "samples/flight-02", "--validate-only", "--report", "report.html"]).output();
    assert_eq!(done.unwrap().status.code(), Some(1));
    assert!(fs::metadata(&page).unwrap().len() < 1 << 20);
    let text = fs::read_to_string(&page).unwrap();
    for name in ["Norris", "Galante", "Papadopoulos", "taro@", "<b>hi"] {
        assert!(!text.contains(name), "{name}");
    }

    let url = format!("file://{}", page.display());
    browser.open(&url);
    assert_eq!(browser.eval("document.title"), "8 documents valid, 9 of 24 rows rejected (exit 1)");
    assert_eq!(browser.eval(PICTURES_WITHOUT_TEXT), 0);
    assert!(browser.eval("document.querySelectorAll('svg').length").as_u64() >= Some(10));
    let stages = "[...document.querySelectorAll('.funnel li')].map((stage) => stage.innerText.replace(/\\s+/g, ' ').trim()).join('; ')";
    assert_eq!(browser.eval(stages), "read 12; mapped 12 none lost; conforming 8 − 4 rejected; valid 8 none lost");
    browser.check_layouts();
    // The picture of the mapping is a list where it would be too small.
    browser.resize(360, "light");
    assert_eq!(browser.eval("document.querySelector('.diagram').getBoundingClientRect().width"), 0);
    assert!(browser.eval("document.querySelector('.flows').getBoundingClientRect().width").as_f64() > Some(300.0));

    let visible = "[...document.querySelectorAll('.findings > li')].filter((finding) => !finding.hidden).length";
    assert_eq!(browser.eval(visible), 5);
    browser.eval("document.forms[0].source.value = 'customers'; document.forms[0].dispatchEvent(new Event('input'))");
    assert_eq!(browser.eval(visible), 1);
    assert_eq!(browser.eval("location.hash"), "#source=customers");
    assert_eq!(browser.eval("document.getElementById('filtered').textContent"), "2 of 10 entries");
    browser.open(&format!("{url}#code=check%2Frange&severity=error"));
    assert_eq!(browser.eval("document.forms[0].code.value"), "check/range");
    assert_eq!(browser.eval(visible), 1);
    browser.check_quiet("file://");
}
