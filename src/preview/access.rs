//! Who may ask for the page: a browser on this machine that was given its address, and no other page.
//!
//! A web page can make a browser ask any address, also one of this machine. So the path has to hold a random word, the request
//! has to be for this address and no name that leads here, and it may not come from a page of another origin.

use crate::digest::FileDigest;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked<'a> {
    /// The page itself.
    Page,
    /// Its style sheet.
    Style,
    /// Its script.
    Script,
    /// Its icon.
    Icon,
    /// What it shows, with what is asked of it.
    View(&'a str),
    /// The number of the next change, with the last one that is known.
    Changes(&'a str),
}

/// Why a request is refused, as a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageRefusal {
    /// 403: it may not ask.
    Forbidden,
    /// 404: there is nothing.
    NotFound,
}

/// Where the page is.
#[derive(Clone, Debug)]
pub struct PageAddress {
    /// The host and the port.
    pub host: String,
    /// The random word in its path.
    pub token: String,
}

impl PageAddress {
    /// The URL of the page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/{}/", self.host, self.token)
    }

    /// What a request asks for.
    ///
    /// # Errors
    /// It may not ask, or there is nothing.
    pub fn resolve<'a>(
        &self,
        host: Option<&str>,
        origin: Option<&str>,
        path: &'a str,
        query: &'a str,
    ) -> Result<Asked<'a>, PageRefusal> {
        let is_own_host = host == Some(self.host.as_str());
        let is_own_origin = origin.is_none_or(|origin| origin.strip_prefix("http://") == Some(self.host.as_str()));
        let (token, name) = path.strip_prefix('/').and_then(|path| path.split_once('/')).unwrap_or_default();
        // Digests are compared, so that the time that takes tells nothing of the word.
        let is_token = FileDigest::of(token.as_bytes()) == FileDigest::of(self.token.as_bytes());
        if !(is_own_host && is_own_origin && is_token) {
            return Err(PageRefusal::Forbidden);
        }
        match name {
            "" => Ok(Asked::Page),
            "page.css" => Ok(Asked::Style),
            "page.js" => Ok(Asked::Script),
            "icon.svg" => Ok(Asked::Icon),
            "view" => Ok(Asked::View(query)),
            "changes" => Ok(Asked::Changes(query)),
            _ => Err(PageRefusal::NotFound),
        }
    }
}

/// A number of a query, as in `record=3`.
#[must_use]
pub fn number_in(query: &str, name: &str) -> Option<u64> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    value.parse().ok()
}

#[cfg(test)]
mod tests {
    use crate::preview::access::{Asked, PageAddress, PageRefusal, number_in};

    #[test]
    fn only_who_knows_the_address_may_ask() {
        let address = PageAddress { host: "127.0.0.1:4000".into(), token: "5f0c".into() };
        let (own, forbidden) = (Some("127.0.0.1:4000"), Err(PageRefusal::Forbidden));
        let table = [
            (own, None, "/5f0c/", Ok(Asked::Page)),
            (own, Some("http://127.0.0.1:4000"), "/5f0c/page.js", Ok(Asked::Script)),
            (own, None, "/5f0c/view", Ok(Asked::View("record=3"))),
            (own, None, "/5f0c/passwd", Err(PageRefusal::NotFound)),
            (own, None, "/5f0c", forbidden),
            (own, None, "/", forbidden),
            (own, None, "", forbidden),
            (own, None, "//", forbidden),
            (own, None, "/5f0/", forbidden),
            (own, None, "/5f0c0/view", forbidden),
            (own, None, "/favicon.ico", forbidden),
            (own, Some("null"), "/5f0c/", forbidden),
            (own, Some("http://example.org"), "/5f0c/view", forbidden),
            (own, Some("https://127.0.0.1:4000"), "/5f0c/view", forbidden),
            (own, Some("http://127.0.0.1:4001"), "/5f0c/view", forbidden),
            (Some("localhost:4000"), None, "/5f0c/", forbidden),
            (Some("example.org"), None, "/5f0c/", forbidden),
            (Some("127.0.0.1"), None, "/5f0c/", forbidden),
            (None, None, "/5f0c/", forbidden),
        ];
        for (host, origin, path, expected) in table {
            assert_eq!(address.resolve(host, origin, path, "record=3"), expected, "{host:?} {origin:?} {path}");
        }
        assert_eq!(address.url(), "http://127.0.0.1:4000/5f0c/");
    }

    #[test]
    fn a_query_holds_numbers() {
        for (query, expected) in
            [("record=3", Some(3)), ("a=1&record=20", Some(20)), ("records=3", None), ("record=x", None), ("", None)]
        {
            assert_eq!(number_in(query, "record"), expected, "{query}");
        }
    }
}
