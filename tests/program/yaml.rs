//! Mistakes in the YAML of a mapping: each with the place where to write something, what is wrong and what to write.

use std::fs;

use xwalk::{config::mapping, diagnostic::Diagnostic};

/// What is found, what is written instead, and what is told: `line:column: message | hint`.
type Mistake = (&'static str, &'static str, &'static str);

const MISTAKES: &[Mistake] = &[
    (
        "    path: customers.csv",
        "\tpath: customers.csv",
        "12:1: a tab stands where YAML wants spaces | indent with spaces: with 4, the line belongs to the lines above it",
    ),
    (
        "      title: { type: code }",
        "\t\t\ttitle: { type: code }",
        "17:1: a tab stands where YAML wants spaces | indent with spaces: with 6, the line belongs to the lines above it",
    ),
    (
        "    dialect: till\n    key: customer_id",
        "    dialect: till\n     key: customer_id",
        "14:6: this line is indented further than the line above, which has a value already | begin it in column 5 like `dialect` in line 13",
    ),
    (
        "    key: customer_id",
        "   key: customer_id",
        "14:4: this line begins in column 4, between those above it | begin it in column 5 like `dialect` in line 13, or in column 3 like `customers` in line 11",
    ),
    (
        "  customers:\n    path",
        "  customers:\n  path",
        "12:3: `path` is not indented further than `customers:` above it | begin it in column 5 if it belongs to `customers`",
    ),
    (
        "    path: customers.csv",
        "    path customers.csv",
        "12:9: there is no colon behind `path` | write `path: customers.csv`",
    ),
    ("sources:\n", "sources\n", "10:8: there is no colon behind `sources` | write `sources:`"),
    (
        "    columns:\n      title",
        "    columns\n      title",
        "16:12: there is no colon behind `columns` | write `columns:`",
    ),
    (
        "    path: customers.csv",
        "    path:customers.csv",
        "12:9: there is no space behind the colon | write `path: customers.csv`",
    ),
    ("{ type: code }", "{ type:code }", "17:16: there is no space behind the colon | write `type: code`"),
    (
        "name: inflight-sales",
        "name:inflight-sales",
        "3:5: there is no space behind the colon | write `name: inflight-sales`",
    ),
    (
        "path: customers.csv",
        "path: \"customers.csv",
        "12:11: the quote `\"` that opens here is not closed in this line | write `\"` also where the value ends",
    ),
    (
        "delimiter: \";\"",
        "delimiter: \";",
        "8:22: the quote that opens here closes in column 34, and more text follows | close it where the value ends; write a quote inside it as `\\\"`",
    ),
    (
        "path: customers.csv",
        "path: customers.csv\"",
        "12:11: the value ends with a quote and does not begin with one | write \"customers.csv\" or customers.csv",
    ),
    (
        "path: customers.csv",
        "path: \"cust\"omers.csv",
        "12:11: the quote that opens here closes in column 16, and more text follows | close it where the value ends; write a quote inside it as `\\\"`",
    ),
    ("{ type: code }", "{ type: code", "17:14: `{` is not closed | write ` }` behind `{ type: code`"),
    (
        "values: { \"1\": Female, \"2\": Male }",
        "values: { \"1\": Female, \"2\": Male",
        "31:13: `{` is not closed | write ` }` behind `{ \"1\": Female, \"2\": Male`",
    ),
    ("key: customer_id", "key: [customer_id", "14:10: `[` is not closed | write ` ]` behind `[customer_id`"),
    ("{ type: code }", "{ type: code ]", "17:27: `]` stands where `}` closes `{` | write `}`"),
    ("{ type: code }", "{ type: code }}", "17:28: `}` closes nothing | leave it out"),
    (
        "path: customers.csv",
        "path: @customers.csv",
        "12:11: a value cannot begin with `@` | put it in quotes: \"@customers.csv\"",
    ),
    (
        "format: \"%Y-%m-%d\"",
        "format: %Y-%m-%d",
        "26:35: a value cannot begin with `%` | put it in quotes: \"%Y-%m-%d\"",
    ),
    (
        "path: customers.csv",
        "path: `customers.csv`",
        "12:11: a value cannot begin with ``` | put it in quotes: \"`customers.csv`\"",
    ),
    (
        "path: customers.csv",
        "path: *customers.csv",
        "12:11: a value cannot begin with `*` | put it in quotes: \"*customers.csv\"",
    ),
    ("path: customers.csv", "path: *", "12:11: a value cannot begin with `*` | put it in quotes: \"*\""),
    ("path: customers.csv", "path: *.csv", "12:11: a value cannot begin with `*` | put it in quotes: \"*.csv\""),
    (
        "  customers:\n    path",
        "  customers: &a\n    path",
        "11:14: an anchor is not supported here | write the value out where it is used",
    ),
    (
        "path: customers.csv",
        "path: !file customers.csv",
        "12:11: a tag is not supported here | leave the tag out; quote the value if it is a text",
    ),
    (
        "    key: customer_id",
        "    key: customer_id\n    key: customer_id",
        "15:5: the key `key` is written twice in this block | keep one of the two",
    ),
    (
        "last_name: lastname",
        "last_name: { template: {{ lastname }} }",
        "39:28: a template that is not in quotes is read as a block | put it in quotes: \"{{ lastname }}\"",
    ),
    (
        "last_name: lastname",
        "last_name:\n      template: {{ lastname }}",
        "40:17: a template that is not in quotes is read as a block | put it in quotes: \"{{ lastname }}\"",
    ),
    (
        "path: customers.csv",
        "path: c: customers.csv",
        "12:12: a second colon stands in this line | put the whole value in quotes: `path: \"c: customers.csv\"`",
    ),
    (
        "dialects:\n",
        "---\ndialects:\n",
        "7:1: a second document is not supported here | leave the line `---` out, or put what follows into a file of its own",
    ),
    ("delimiter: \";\", ", "delimiter: |, ", "8:22: a value cannot begin with `|` | put it in quotes: \"|\""),
    (
        "    key: customer_id",
        "    key:\n      - customer_id\n      email",
        "16:7: there is no `- ` before `email` | write `- email`",
    ),
    (
        "    key: customer_id",
        "    key:\n      -customer_id\n      -email",
        "15:7: there is no space behind `-` | write `- customer_id` in a list; put a text that begins with `-` in quotes",
    ),
    (
        "columns:\n      title: { type: code }\n",
        "columns:\n      - title: { type: code }\n",
        "18:7: the line above begins with `- `, and this one does not | begin both with `- ` for a list, or none for names with values",
    ),
    (
        "    path: customers.csv",
        "    path:\n    customers.csv",
        "13:5: the value of `path` is not indented | write it behind the colon: `path: customers.csv`",
    ),
    (
        "{ delimiter: \";\", quote",
        "{ delimiter: \";\" quote",
        "8:25: there is no comma behind `\";\"` | write `\";\",`",
    ),
    (
        "{ delimiter: \";\", quote",
        "{ delimiter: \";\"; quote",
        "8:25: `;` stands where a comma belongs | write `\";\",`",
    ),
    (
        "    path: customers.csv",
        "    path = customers.csv",
        "12:9: there is `=` where a colon belongs | write `path: customers.csv`",
    ),
    (
        "mapping: 1",
        "mapping: one",
        "2:10: expected a whole number from 0 on, found a text | write digits only, without quotes and without a unit",
    ),
    (
        "mapping: 1",
        "mapping: 2",
        "2:10: this program reads version 1 of the mapping language, not 2 | write `mapping: 1`, or use a newer version of xwalk",
    ),
    (
        "mapping: 1",
        "mapping: -1",
        "2:10: expected a whole number from 0 on, found a negative number | write a whole number from 0 on, in digits",
    ),
    (
        "mapping: 1",
        "mapping: 1.0",
        "2:10: expected a whole number from 0 on, found a number with a fraction | write a whole number from 0 on, in digits",
    ),
    (
        "request: { method: PUT, path: /v1/customers }",
        "request: /v1/customers",
        "5:10: expected a block, found a text | write `request: { method: PUT, path: /v1/customers }`",
    ),
    (
        "request: { method: PUT, path: /v1/customers }",
        "request: [PUT, /v1/customers]",
        "5:10: expected a block, found a list | write names with values, without dashes: `request: { method: PUT, path: /v1/customers }`",
    ),
    ("method: PUT", "method: put", "5:20: unknown word `put` | did you mean `PUT`?"),
    ("method: PUT", "method: GET", "5:20: unknown word `GET` | the words that can stand here: `PUT`, `POST`, `PATCH`"),
    (
        "name: inflight-sales",
        "name: [a]",
        "3:7: expected a text, found a list | write one text, without brackets and dashes",
    ),
    (
        "path: customers.csv",
        "path: { file: customers.csv }",
        "12:11: expected a text, found a block | write one text behind the colon: `path: …`",
    ),
    (
        "key: customer_id",
        "key: 5",
        "14:10: expected a text or a list of texts, found a number | put it in quotes: \"5\"",
    ),
    (
        "key: customer_id",
        "key: { column: customer_id }",
        "14:10: expected a text or a list of texts, found a block | write `key: one` or `key: [one, two]`",
    ),
    (
        "sources:\n  customers:",
        "sources:\n  - customers:",
        "19:3: the line above begins with `- `, and this one does not | begin both with `- ` for a list, or none for names with values",
    ),
    (
        "columns:\n      title: { type: code }\n      email: { sensitive: true }",
        "columns: [title, email]",
        "16:14: expected a block, found a list | write names with values, without dashes: `columns: { price: { type: decimal } }`",
    ),
    ("title: { type: code }", "title: code", "17:14: expected a block, found a text | write `title: { type: code }`"),
    ("type: decimal", "type: decimla", "25:22: unknown word `decimla` | did you mean `decimal`?"),
    (
        "type: decimal",
        "type: float",
        "25:22: unknown word `float` | the words that can stand here: `text`, `code`, `integer`, `decimal`, `boolean`, `date`, `datetime`, `json`",
    ),
    (
        "type: decimal",
        "type: [decimal]",
        "25:22: expected one of the known words, found a list | write one word, without brackets and dashes",
    ),
    (
        "sensitive: true",
        "sensitive: yes",
        "18:27: expected `true` or `false`, found a text | write `true` or `false`, without quotes",
    ),
    (
        "sensitive: true",
        "sensitive: \"true\"",
        "18:27: expected `true` or `false`, found a text | write `true` or `false`, without quotes",
    ),
    (
        "header: true",
        "header: 1",
        "8:64: expected `true` or `false`, found a number | write `true` or `false`, without quotes",
    ),
    (
        "dialect: till",
        "dialect: [till]",
        "13:14: expected a name or a block, found a list | write `dialect: { delimiter: \";\" }`",
    ),
    ("dialect: till", "dialect: 5", "13:14: expected a name or a block, found a number | put it in quotes: \"5\""),
    (
        "null_values: [\"\"]",
        "null_values: \"\"",
        "8:83: expected a list, found a text | write a list: `null_values: [\"\"]`",
    ),
    (
        "null_values: [\"\"]",
        "null_values: [0]",
        "8:84: `0` is not a text to every YAML reader | put it in quotes: \"0\"",
    ),
    (
        "values: { \"1\": Female, \"2\": Male }",
        "values: [Female, Male]",
        "31:13: expected a block, found a list | write names with values, without dashes: `values: { \"1\": Female, \"2\": Male }`",
    ),
    (
        "values: { \"1\": Female, \"2\": Male }",
        "values: { 1: Female, 2: Male }",
        "31:15: `1` is not a text to every YAML reader | put it in quotes: \"1\"",
    ),
    (
        "values: { \"1\": Female, \"2\": Male }",
        "values: { \"1\": { a: b } }",
        "31:20: expected a text, found a block | write one text behind the colon: `values: …`",
    ),
    (
        "on_unknown: reject",
        "on_unknown: fail",
        "32:17: unknown word `fail` | the words that can stand here: `reject`, `omit`, `set_null`, `keep`, `{ use: TEXT }`",
    ),
    (
        "on_unknown: reject",
        "on_unknown: { use: }",
        "32:19: `use` has no value | write a value behind the colon, or leave the key out; what belongs to it in the lines below is indented further than it",
    ),
    ("on_unknown: reject", "on_unknown: { us: Other }", "32:19: unknown key `us` | did you mean `use`?"),
    (
        "on_unknown: reject",
        "on_unknown: [reject]",
        "32:17: expected one of `reject`, `omit`, `set_null`, `keep`, or `{ use: TEXT }`, found a list | write one word, without brackets and dashes",
    ),
    (
        "on_duplicate_key: reject",
        "on_duplicate_key: last",
        "15:23: unknown word `last` | the words that can stand here: `reject`, `keep_first`, `keep_last`, `error`, `merge`",
    ),
    ("root: array", "root: list", "35:9: unknown word `list` | the words that can stand here: `array`, `object`"),
    (
        "each: customers",
        "each: [customers]",
        "36:9: expected a text, found a list | write one text, without brackets and dashes",
    ),
    (
        "  fields:\n    salutation: { from: title, codes: civility }",
        "  fields: [salutation]\n  felds:\n    salutation: { from: title, codes: civility }",
        "37:11: expected a block, found a list | write names with values, without dashes: `fields: { last_name: lastname }`",
    ),
    ("last_name: lastname", "last_name: [lastname]", "good"),
    (
        "last_name: lastname",
        "last_name: 5",
        "39:16: expected a column, a list or a block, found a number | write `{ const: 5 }` for the value itself, \"5\" for the column of this name",
    ),
    (
        "last_name: lastname",
        "last_name:",
        "39:5: `last_name` has no value | write a value behind the colon, or leave the key out; what belongs to it in the lines below is indented further than it",
    ),
    (
        "match: { customer_id: customer_id }",
        "match: [customer_id]",
        "44:14: expected a block, found a list | write names with values, without dashes: `match: { customer_id: customer_id }`",
    ),
    (
        "match: { customer_id: customer_id }",
        "match: customer_id",
        "44:14: expected a block, found a text | write `match: { customer_id: customer_id }`",
    ),
    (
        "many: purchases",
        "many: { source: purchases }",
        "43:13: expected a text, found a block | write one text behind the colon: `many: …`",
    ),
    (
        "on_orphan: reject",
        "order_by: 5",
        "45:17: expected a column, a block with `column` and `direction`, or a list of these, found a number | put it in quotes: \"5\"",
    ),
    (
        "on_orphan: reject",
        "order_by: { column: price, direction: up }",
        "45:45: unknown word `up` | the words that can stand here: `ascending`, `descending`",
    ),
    (
        "on_orphan: reject",
        "order_by: { direction: ascending }",
        "45:7: missing key `column` | write it in this block: `column: name`",
    ),
    (
        "on_orphan: reject",
        "min: -1",
        "45:12: expected a whole number from 0 on, found a negative number | write a whole number from 0 on, in digits",
    ),
    (
        "on_orphan: reject",
        "min: one",
        "45:12: expected a whole number from 0 on, found a text | write digits only, without quotes and without a unit",
    ),
    (
        "on_orphan: reject",
        "min: 1.5",
        "45:12: expected a whole number from 0 on, found a number with a fraction | write a whole number from 0 on, in digits",
    ),
    (
        "last_name: lastname",
        "last_name: { const: [a] }",
        "39:25: expected a text, a number or a boolean, found a list | write one value, without brackets",
    ),
    (
        "last_name: lastname",
        "last_name: { const: null }",
        "39:25: `null` is no value | put it in quotes if it is a text: \"null\"; else write a value, or leave the key out",
    ),
    (
        "total: { sum: price, by: currency, units: [euros, dollars, pounds, yen] }",
        "total: price",
        "27:12: expected a block, found a text | write `total: { sum: price, by: currency }`",
    ),
    (
        "total: { sum: price, by: currency, units: [euros, dollars, pounds, yen] }",
        "total: { by: currency }",
        "27:5: missing key `sum` | write it in this block: `sum: price`",
    ),
    ("dialects:", "dialekts:", "7:1: unknown key `dialekts` | did you mean `dialects`?"),
    (
        "dialects:",
        "foo: 1\ndialects:",
        "7:1: unknown key `foo` | the keys that can stand here: `mapping`, `name`, `contract`, `max_contract`, `request`, `dialects`, `sources`, `codes`, `output`",
    ),
    ("on_orphan: reject", "on_orfan: reject", "45:7: unknown key `on_orfan` | did you mean `on_orphan`?"),
    (
        "contract: ../schemas/customers.schema.json",
        "",
        "2:1: missing key `contract` | write a line that begins in the first column: `contract: ../schemas/customers.schema.json`",
    ),
    ("output:", "outputs:", "34:1: unknown key `outputs` | did you mean `output`?"),
    (
        "last_name: lastname",
        "last_name: { template: [a] }",
        "39:28: expected a text, found a list | write one text, without brackets and dashes",
    ),
    (
        "    path: customers.csv",
        "    path: \"custo\\mers.csv\"",
        "12:17: `\\m` means nothing in double quotes | write `\\\\m`, or put the value in single quotes, where `\\` is itself",
    ),
    (
        "    path: customers.csv",
        "    \"path\" customers.csv",
        "12:5: the quote that opens here closes in column 10, and more text follows | close it where the value ends; write a quote inside it as `\\\"`",
    ),
    (
        "    path: customers.csv",
        "    path: 'customers.csv",
        "12:11: the quote `'` that opens here is not closed in this line | write `'` also where the value ends",
    ),
    ("null_values: [\"\"]", "null_values: [\"\", n/a", "8:92: `}` stands where `]` closes `[` | write `]`"),
    (
        "      title: { type: code }\n      email: { sensitive: true }",
        "      title:\n        type: code\n       email: { sensitive: true }",
        "19:8: this line begins in column 8, between those above it | begin it in column 9 like `type` in line 18, or in column 7 like `title` in line 17",
    ),
    (
        "      match: { customer_id: customer_id }",
        "      match: { customer_id customer_id }",
        "44:16: there is no colon behind `customer_id` | write `customer_id: customer_id`",
    ),
    (
        "      match: { customer_id: customer_id }",
        "      match: { customer_id: customer_id customer_no: customer_no }",
        "44:40: there is no comma before `customer_no` | write `customer_id, customer_no:`",
    ),
    (
        "    email: email",
        "    email: email\n   city: city",
        "42:4: this line begins in column 4, between those above it | begin it in column 5 like `email` in line 41, or in column 3 like `fields` in line 37",
    ),
    (
        "      fields:\n        product_id: product_id",
        "      fields:\n      product_id: product_id",
        "47:7: `product_id` is not indented further than `fields:` above it | begin it in column 9 if it belongs to `fields`",
    ),
    ("root: array", "root: >array", "35:9: a value cannot begin with `>` | put it in quotes: \">array\""),
    ("each: customers", "each: ,customers", "36:9: a value cannot begin with `,` | put it in quotes: \",customers\""),
    ("dialects:", "dialects\n", "7:9: there is no colon behind `dialects` | write `dialects:`"),
];

fn describe(finding: &Diagnostic) -> String {
    let place = finding.rule.as_ref().map_or_else(String::new, |place| format!("{}:{}", place.line, place.column));
    format!("{place}: {} | {}", finding.message, finding.hint)
}

#[test]
fn mistakes_are_told_where_to_write_something() {
    let good = fs::read_to_string("mappings/inflight-sales.yaml").unwrap();
    let mut wrong = Vec::new();
    for (from, to, expected) in MISTAKES {
        assert!(good.contains(from), "{from}");
        let told = match mapping::read("m.yaml", &good.replacen(from, to, 1)) {
            Ok(_) => "good".to_owned(),
            Err(findings) => describe(&findings[0]),
        };
        if told != *expected {
            wrong.push(format!("({from:?}, {to:?}, {told:?}),"));
        }
        let jargon = ["struct ", "invalid type", "expected key", "u32", "u64", "untagged", "mapping values", "token"];
        assert!(!jargon.iter().any(|word| told.contains(word)), "{told}");
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn whole_files_that_are_something_else_are_told() {
    let table = [
        (
            "",
            "0:0: nothing is written in this file | a mapping begins with `mapping: 1`, a file of profiles with `profiles:`",
        ),
        (
            "# later\n",
            "0:0: nothing is written in this file | a mapping begins with `mapping: 1`, a file of profiles with `profiles:`",
        ),
        (
            "hello world\n",
            "1:1: expected a block, found a text | a mapping begins with `mapping: 1`, a file of profiles with `profiles:`",
        ),
        (
            "- a\n- b\n",
            "1:1: expected a block, found a list | a mapping begins with `mapping: 1`, a file of profiles with `profiles:`",
        ),
        (
            "{\"$schema\": \"x\"}",
            "1:2: this is a JSON Schema, no mapping | name the mapping: it begins with `mapping: 1` and names its contract itself",
        ),
        (
            "profiles: {}\n",
            "1:1: this is a file of profiles, no mapping | name the mapping: it begins with `mapping: 1` and names its contract itself",
        ),
        ("a: &a [x]\nb: *a\n", "1:4: an anchor is not supported here | write the value out where it is used"),
        (
            "mapping: 1\n---\nname: a\n",
            "2:1: a second document is not supported here | leave the line `---` out, or put what follows into a file of its own",
        ),
        ("mapp\u{7}ing: 1\n", "1:5: a character that cannot be seen stands here | delete it, or type the line again"),
    ];
    for (text, expected) in table {
        let findings = mapping::read("m.yaml", text).unwrap_err();
        assert_eq!(describe(&findings[0]), expected);
    }
}

#[test]
fn no_text_makes_the_search_for_mistakes_fail() {
    let good = fs::read_to_string("mappings/inflight-sales.yaml").unwrap();
    let characters = ['"', '\'', '{', '}', '[', ']', ':', '-', '#', '|', '\t', '\n', 'é', '*', '\\', ','];
    for (at, _) in good.char_indices().step_by(7) {
        for character in characters {
            let mut text = good.clone();
            text.insert(at, character);
            if let Err(findings) = mapping::read("m.yaml", &text) {
                assert!(!findings.is_empty() && !findings[0].message.is_empty());
            }
            // A text that ends anywhere.
            let _ = mapping::read("m.yaml", &text[..at + character.len_utf8()]);
        }
    }
}
