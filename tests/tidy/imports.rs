//! Which file imports which: the paths in `use` lines and in code, resolved to files.
//!
//! A path is followed through the modules it names, relative paths of child modules and names that a `use` line gave to a
//! module included. A folder is the file that declares its modules, `mod.rs`, so that parent and child can be in a circle.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use crate::source::{SourceFile, use_statements};

/// What each file imports: by its path, the paths of other files and the items that it takes from them.
pub(crate) type Imports = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The modules of a tree, and the files that hold them.
struct Modules<'a>(BTreeMap<&'a [String], &'a SourceFile>);

impl Modules<'_> {
    fn holds(&self, module: &[String]) -> bool {
        self.0.contains_key(module)
    }

    /// The module that a path leads into, and the name of the item in it; the name is empty for the module itself.
    fn follow(&self, path: &[String]) -> (Vec<String>, String) {
        let mut length = 0;
        while length < path.len() && self.holds(&path[..=length]) {
            length += 1;
        }
        (path[..length].to_vec(), path.get(length).cloned().unwrap_or_default())
    }
}

/// The imports of all files, tests left out. `main.rs` is a crate of its own and may import anything.
pub(crate) fn find_imports(files: &[SourceFile]) -> Imports {
    let modules =
        Modules(files.iter().filter(|file| !file.is_root()).map(|file| (file.module.as_slice(), file)).collect());
    let mut imports = Imports::new();
    for file in files.iter().filter(|file| !file.is_root()) {
        let from = imports.entry(file.path.clone()).or_default();
        for (module, item) in imported_items(file, &modules) {
            if module != file.module && !module.is_empty() {
                let target = modules.0[module.as_slice()];
                from.entry(target.path.clone()).or_default().insert(item);
            }
        }
    }
    imports
}

/// The items that a file imports, each with the module that declares it.
fn imported_items(file: &SourceFile, modules: &Modules<'_>) -> Vec<(Vec<String>, String)> {
    let mut items = Vec::new();
    let mut scope: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut body = file.live.clone();
    for statement in use_statements(&file.live) {
        body = body.replace(&format!("use {};", statement.tree), "");
        for UsePath { steps, alias } in use_paths(&statement.tree) {
            let Some(path) = absolute(&steps, file, modules, &BTreeMap::new()) else { continue };
            let (module, item) = modules.follow(&path);
            if item.is_empty() {
                // What is taken from the module is seen where its name is used.
                scope.insert(alias.or_else(|| path.last().cloned()).unwrap_or_default(), module);
            } else {
                items.push((module, item));
            }
        }
    }
    for path in inline_paths(&body) {
        if let Some(path) = absolute(&path, file, modules, &scope) {
            items.push(modules.follow(&path));
        }
    }
    // A path that ends at a module is that of a function with the same name, which a `use` line brought here.
    items.retain(|(_, item)| !item.is_empty());
    items
}

/// A path from the root of the crate; `None` when it leads outside.
fn absolute(
    steps: &[String],
    file: &SourceFile,
    modules: &Modules<'_>,
    scope: &BTreeMap<String, Vec<String>>,
) -> Option<Vec<String>> {
    let (first, rest) = steps.split_first()?;
    let child: Vec<String> = file.module.iter().chain([first]).cloned().collect();
    let start = match (first.as_str(), scope.get(first)) {
        ("crate", _) => Vec::new(),
        ("self", _) => file.module.clone(),
        ("super", _) => file.module.split_last().map(|(_, parent)| parent.to_vec()).unwrap_or_default(),
        (_, Some(module)) => module.clone(),
        _ if modules.holds(&child) => child,
        _ => return None,
    };
    Some(start.into_iter().chain(rest.iter().cloned()).collect())
}

/// One path of a `use` tree, and the name it is given.
#[derive(Debug, PartialEq, Eq)]
struct UsePath {
    steps: Vec<String>,
    alias: Option<String>,
}

/// The paths of a `use` tree: `a::{b, c::{self, d as e}}` has three.
fn use_paths(tree: &str) -> Vec<UsePath> {
    let Some((before, rest)) = tree.split_once('{') else {
        let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias)));
        let mut steps = steps_of(path);
        if steps.len() > 1 && steps.last().is_some_and(|step| step == "self") {
            steps.pop();
        }
        return vec![UsePath { steps, alias: alias.map(|alias| alias.trim().to_owned()) }];
    };
    let (prefix, mut paths) = (steps_of(before), Vec::new());
    for branch in branches(rest) {
        for UsePath { mut steps, alias } in use_paths(branch) {
            if steps == ["self"] {
                steps.clear();
            }
            paths.push(UsePath { steps: prefix.iter().cloned().chain(steps).collect(), alias });
        }
    }
    paths
}

/// The branches of `a, b::{c, d}}`, up to the brace that closes them.
fn branches(group: &str) -> Vec<&str> {
    let (mut branches, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                branches.push(&group[start..at]);
                start = at + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    branches.into_iter().filter(|branch| !branch.trim().is_empty()).collect()
}

fn steps_of(path: &str) -> Vec<String> {
    path.split("::").map(str::trim).filter(|step| !step.is_empty()).map(str::to_owned).collect()
}

/// The paths of some code that may begin with a module, as in `load::plan(path)`.
fn inline_paths(code: &str) -> Vec<Vec<String>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = code.split(|c: char| !is_part(c)).map(|word| word.trim_matches(':'));
    let paths = words.filter(|word| word.contains("::") && word.starts_with(|c: char| c.is_ascii_lowercase()));
    paths.map(steps_of).collect()
}

/// The groups of files that import each other in a circle, each with the imports that make it one.
pub(crate) fn find_circles(imports: &Imports) -> Vec<String> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|from| (from.as_str(), reachable(imports, from))).collect();
    let (mut circles, mut seen) = (Vec::new(), BTreeSet::new());
    for (from, targets) in &reached {
        let circle: BTreeSet<&str> =
            targets.iter().copied().filter(|to| reached.get(to).is_some_and(|back| back.contains(from))).collect();
        if circle.is_empty() || circle.iter().any(|file| !seen.insert(*file)) {
            continue;
        }
        let mut text = format!("a circle of {} files:", circle.len());
        for (file, target, items) in
            circle.iter().flat_map(|file| imports[*file].iter().map(move |(target, items)| (file, target, items)))
        {
            if circle.contains(target.as_str()) {
                let items: Vec<&str> = items.iter().map(String::as_str).collect();
                let _ = write!(text, "\n    {file} imports {target}: {}", items.join(", "));
            }
        }
        circles.push(text);
    }
    circles
}

/// The files that can be reached from one by following imports; itself, if the way leads back.
fn reachable<'a>(imports: &'a Imports, from: &str) -> BTreeSet<&'a str> {
    let mut open = vec![from];
    let mut reached = BTreeSet::new();
    while let Some(file) = open.pop() {
        for target in imports.get(file).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(target.as_str()) {
                open.push(target);
            }
        }
    }
    reached
}

#[test]
fn use_trees_are_taken_apart() {
    let paths = |tree: &str| -> Vec<String> {
        let shown = |path: UsePath| match path.alias {
            Some(alias) => format!("{} as {alias}", path.steps.join("::")),
            None => path.steps.join("::"),
        };
        use_paths(tree).into_iter().map(shown).collect()
    };
    assert_eq!(paths("crate::a"), ["crate::a"]);
    assert_eq!(paths("crate::{a::{self, B as C}, d}"), ["crate::a", "crate::a::B as C", "crate::d"]);
    assert_eq!(
        paths("crate::{\n    a::{b::{C, D},\n e::{self as f}},\n}"),
        ["crate::a::b::C", "crate::a::b::D", "crate::a::e as f"]
    );
}

#[test]
fn imports_are_resolved_to_files() {
    let files = [
        ("lib.rs", "pub mod a; pub mod b; pub mod c;"),
        ("a/mod.rs", "pub mod x; pub fn f() { x::g(); self::x::h() }"),
        ("a/x.rs", "use crate::{b::B, c as other}; fn g() { other::i(); crate::c::j(); Vec::<u8>::new() }"),
        (
            "b.rs",
            "#[cfg(test)] mod tests { use crate::a::f; }\nuse std::a::x; // crate::a\nconst A: &str = \"crate::a::f\";",
        ),
        ("c.rs", "use crate::b; fn k() {}"),
        ("c/tests.rs", "use crate::a::f;"),
    ];
    let files: Vec<SourceFile> = files.iter().map(|(path, text)| SourceFile::new(path, text)).collect();
    let mut lines = Vec::new();
    for (from, targets) in &find_imports(&files) {
        for (target, items) in targets {
            lines.push(format!("{from} {target} {}", items.iter().cloned().collect::<Vec<_>>().join(" ")));
        }
    }
    assert_eq!(lines, ["a/mod.rs a/x.rs g h", "a/x.rs b.rs B", "a/x.rs c.rs i j"]);
}
