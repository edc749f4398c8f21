//! What is known of a file besides what stands in it.

/// The facts of one file, as expressions see them; what is not there is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileFacts {
    /// The name of the drop folder.
    pub recording: String,
    /// Its name, as if it were not packed.
    pub name: String,
    /// What each wildcard of the path of its source stands for.
    pub captures: Vec<String>,
}
