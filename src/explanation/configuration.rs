//! What is wrong with flags, mappings, contracts and profiles, explained.

use crate::{
    diagnostic::Code,
    explanation::example::{Explanation, explanation},
};

/// Explains a code of this part; `None`: another part does.
#[expect(clippy::too_many_lines, reason = "a table of texts")]
pub(super) fn explain(code: Code) -> Option<Explanation> {
    Some(match code {
        Code::PlanUsage => explanation(
            "a flag or a folder is named that cannot be used so",
            "xwalk convert landed/customers.csv",
            "xwalk convert landed",
            "`xwalk help COMMAND` lists the flags of a command.",
        ),
        Code::PlanMissingFile => explanation(
            "a file of the configuration is not there",
            "contract: ../schemas/customer.schema.json",
            "contract: ../schemas/customers.schema.json",
            "Correct the name. Paths are relative to the file that names them.",
        ),
        Code::PlanSyntax => explanation(
            "the text is not YAML, or not JSON",
            "    path customers.csv",
            "    path: customers.csv",
            "Write what the message says at the place it names.",
        ),
        Code::PlanUnsupportedYaml => explanation(
            "a feature of YAML that mappings do not have",
            "    key: &id customer_id",
            "    key: customer_id",
            "Write the value out where it is used, in one document without tags.",
        ),
        Code::PlanTooLarge => explanation(
            "a file of the configuration is too large",
            "mappings/export.yaml: 40 MB",
            "mappings/inflight-sales.yaml: 2 kB",
            "Look whether it is the right file; data belongs into a code table.",
        ),
        Code::PlanDuplicateKey => explanation(
            "a key is written twice in one block",
            "    key: customer_id\n    key: email",
            "    key: customer_id",
            "Keep one of the two.",
        ),
        Code::PlanUnknownKey => explanation(
            "a key is not part of the language",
            "      on_orfan: reject",
            "      on_orphan: reject",
            "Correct the name; the message suggests the nearest one.",
        ),
        Code::PlanMissingKey => explanation(
            "a key that must be there is missing",
            "    total: { by: currency }",
            "    total: { sum: price, by: currency }",
            "Write it in the block that the message points at.",
        ),
        Code::PlanWrongValue => explanation(
            "a value has another type, or is none of the allowed words",
            "      price: { type: decimla }",
            "      price: { type: decimal }",
            "Write what the message expects.",
        ),
        Code::PlanUnquoted => explanation(
            "a bare word is no text to YAML",
            "    values: { 1: Female, 2: Male }",
            "    values: { \"1\": Female, \"2\": Male }",
            "Put it in quotes.",
        ),
        Code::PlanUnknownName => explanation(
            "a name is used that is not defined",
            "    salutation: { from: title, codes: civilty }",
            "    salutation: { from: title, codes: civility }",
            "Correct the name, or define it.",
        ),
        Code::PlanUnknownColumn => explanation(
            "the header has no such column",
            "    last_name: lastnme",
            "    last_name: lastname",
            "Correct the name. It is compared letter for letter, also in case.",
        ),
        Code::PlanUnusedColumn => explanation(
            "a column is declared, and nothing uses it",
            "      title: { type: code }\n      city: { type: code }",
            "      title: { type: code }",
            "Map it, or leave it out of `columns`.",
        ),
        Code::PlanUnmappedColumn => explanation(
            "a file has columns that nobody maps",
            "customer_id;title;lastname;firstname;loyalty_no",
            "    loyalty_no: loyalty_no",
            "Nothing, if they are not needed; else add a field for them.",
        ),
        Code::PlanTemplate => explanation(
            "an expression cannot be used",
            "    last_name: { template: \"{{ lastname | uper }}\" }",
            "    last_name: lastname",
            "Correct the expression; `docs/mapping.md` lists what it may hold.",
        ),
        Code::PlanCodeTable => explanation(
            "a code table cannot be trusted",
            "\"FR,FRA",
            "FR,FRA",
            "Correct the line: a header, then two cells in each, no code twice.",
        ),
        Code::PlanSameFile => explanation(
            "a file is read and written, or has two roles",
            "    path: customers.csv\n    dialect: till\n    key: purchase_identifier",
            "    path: purchases.csv\n    dialect: till\n    key: purchase_identifier",
            "Name a file of its own for each role.",
        ),
        Code::PlanJoin => explanation(
            "a join could never match",
            "      match: { customer_id: email }",
            "      match: { customer_id: customer_id }",
            "Match the whole key of the other source, with columns of the same type.",
        ),
        Code::PlanOneUrl => explanation(
            "several documents would go to one URL",
            "request: { method: PUT, path: /v1/customers }   # with `root: object`",
            "request: { method: PUT, path: /v1/customers }   # with `root: array`",
            "Send a list, use POST, or say `collection: upsert` in the profile.",
        ),
        Code::PlanContract => explanation(
            "the contract is no JSON Schema",
            "  \"type\": \"aray\",",
            "  \"type\": \"array\",",
            "Correct the schema; the message names the keyword.",
        ),
        Code::PlanIgnoredKeyword => explanation(
            "a keyword of the contract is ignored",
            "\"minimun\": 1 }",
            "\"minimum\": 1 }",
            "Correct the keyword, so that its rule counts.",
        ),
        Code::PlanUnknownFormat => explanation(
            "a format that restricts nothing here",
            "\"format\": \"datum\" }",
            "\"format\": \"date\" }",
            "Nothing, if it is not misspelt; a `pattern` can restrict the text.",
        ),
        Code::PlanContractWithoutRules => explanation(
            "the contract accepts everything",
            "{ \"title\": \"Customers\" }",
            "{ \"title\": \"Customers\", \"type\": \"array\", \"items\": { … } }",
            "Name the schema of the request body.",
        ),
        Code::PlanContractReference => explanation(
            "the contract refers to what is not in it",
            "      \"last_name\": { \"$ref\": \"names.json\" }",
            "      \"last_name\": { \"type\": \"string\" }",
            "Copy what it refers to into `$defs` of the contract.",
        ),
        Code::PlanContractPart => explanation(
            "the part of the contract file is not there",
            "contract: api.json#/definitions/Oder",
            "contract: api.json#/definitions/Order",
            "Name a part that is there; in OpenAPI, an operation by `request`.",
        ),
        Code::PlanContractMismatch => explanation(
            "a field can never meet the contract",
            "      quantity: { type: code }",
            "      quantity: { type: integer }",
            "Declare the type of the column, or map another one.",
        ),
        Code::PlanFieldMissing => explanation(
            "a field that the contract requires is not made",
            "    first_name: firstname",
            "    first_name: firstname\n    email: email",
            "Add the field to the mapping.",
        ),
        Code::PlanFieldNotAllowed => explanation(
            "a field that the contract does not allow",
            "    email: email\n    city: city",
            "    email: email",
            "Leave the field out, or correct its name.",
        ),
        Code::PlanProfile => explanation(
            "a setting of the profile cannot be used",
            "    url: http://staging.myhostname.com",
            "    url: https://staging.myhostname.com",
            "Correct the setting; `docs/profiles.md` describes all of them.",
        ),
        Code::PlanSecret => explanation(
            "a secret cannot be read",
            "    auth: { bearer: { env: ERCM_TOKEN } }",
            "    auth: { bearer: { env: ECRM_TOKEN } }",
            "Set the variable, or write the file with mode 0600.",
        ),
        _ => return None,
    })
}
