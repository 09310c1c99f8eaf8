//! What a migration may be, and whether it can lose data or break the code that runs.

use super::guard::{parse, refuse};
use protocol::{Problem, artifact::Migration};
use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, AssignmentTarget, ColumnDef, ColumnOption, CreateIndex,
    CreateTable, CreateTableLikeKind, CreateTableOptions, Delete, Expr, FromTable, Ident, IndexColumn, Insert,
    ObjectName, ObjectType, SqlOption, Statement, TableConstraint, TableFactor, TableObject, TableWithJoins, Update,
    Value,
};
use std::collections::HashSet;

/// What a migration can do to what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// Nothing that is there is lost, and the code that runs goes on as before.
    Additive,
    /// Anything else that is allowed: needs a person's approval on a live schema, and keeps a pre-image.
    Destructive {
        /// What it can do, in a sentence for people.
        danger: String,
    },
}

impl Class {
    /// It can lose data or break the running code.
    #[must_use]
    pub fn is_destructive(&self) -> bool {
        matches!(self, Self::Destructive { .. })
    }
}

/// The class of each migration, in their order. A table that an earlier one of the list makes has no data to lose, so
/// whatever a later one does to its form or its rows is additive.
///
/// # Errors
/// [`protocol::Code::BadMigration`], naming the first that is not allowed and why.
///
/// ```
/// use environment::host::database::{Class, classify};
/// use protocol::artifact::Migration;
/// let migration = |sql: &str| Migration { id: "0001".into(), sql: sql.into() };
/// assert_eq!(classify(&[migration("alter table posts add column mood varchar(20)")]), Ok(vec![Class::Additive]));
/// assert!(classify(&[migration("drop table posts")]).unwrap()[0].is_destructive());
/// assert!(classify(&[migration("drop database app_shop")]).is_err());
/// ```
pub fn classify(migrations: &[Migration]) -> Result<Vec<Class>, Problem> {
    Ok(survey(migrations, &HashSet::new())?.into_iter().map(|step| step.class).collect())
}

/// One migration as it will be carried out.
pub(super) struct Step {
    pub(super) class: Class,
    /// The one table that it changes.
    pub(super) table: String,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Changes a table's form; the server commits it by itself.
    Schema,
    /// Changes rows, within a transaction.
    Rows,
}

/// `applied` names those that the schema saw before this list came: what they made holds data.
pub(super) fn survey(migrations: &[Migration], applied: &HashSet<String>) -> Result<Vec<Step>, Problem> {
    let mut seen = Seen::default();
    let mut ids = HashSet::new();
    let mut steps = Vec::with_capacity(migrations.len());
    for migration in migrations {
        if !ids.insert(migration.id.as_str()) {
            return Err(refuse(&migration.id, "two migrations have this id"));
        }
        let statement = parse(migration)?;
        let known = seen.clone();
        steps.push(seen.step(&statement).map_err(|why| refuse(&migration.id, &why))?);
        if applied.contains(&migration.id) {
            seen = known;
        }
    }
    Ok(steps)
}

/// What the list has made so far.
#[derive(Default, Clone)]
struct Seen {
    tables: HashSet<String>,
    /// By table: nobody but this list has written into them.
    new_columns: HashSet<(String, String)>,
    /// Nullable and without a default, so that every row, old or written by old code, holds null there.
    empty_columns: HashSet<(String, String)>,
}

type Refusal = String;

impl Seen {
    fn step(&mut self, statement: &Statement) -> Result<Step, Refusal> {
        let schema = |table, class| Ok(Step { class, table, kind: Kind::Schema });
        let rows = |table: String, danger: &str| {
            let class = if self.tables.contains(&table) { Class::Additive } else { destructive(danger) };
            Ok(Step { class, table, kind: Kind::Rows })
        };
        match statement {
            Statement::CreateTable(create) => schema(self.create_table(create)?, Class::Additive),
            Statement::AlterTable(alter) => {
                let (table, class) = self.alter_table(alter)?;
                schema(table, class)
            }
            Statement::CreateIndex(create) => {
                let (table, class) = self.create_index(create)?;
                schema(table, class)
            }
            Statement::Drop { .. } => {
                let (table, danger) = self.drop(statement)?;
                schema(table, danger)
            }
            Statement::Update(update) => {
                let table = update_target(update)?;
                let danger = self.update(&table, update);
                rows(table, &danger)
            }
            Statement::Delete(delete) => rows(delete_target(delete)?, "Deletes rows."),
            Statement::Insert(insert) => {
                let table = insert_target(insert)?;
                let danger = if insert.replace_into || insert.on.is_some() {
                    "Adds rows, and overwrites those that have the same key."
                } else {
                    "Adds rows among those that users have written."
                };
                rows(table, danger)
            }
            Statement::Truncate(_) => Err("TRUNCATE cannot be taken back; use DELETE".into()),
            other => Err(format!("{} is not something a migration may do", verb(other))),
        }
    }

    /// What an UPDATE can do. Where it only fills columns that this list adds, nothing that anybody has written is lost.
    fn update(&self, table: &str, update: &Update) -> String {
        let columns: Vec<_> = update.assignments.iter().map(|one| assigned(&one.target)).collect();
        let new = |column: &String| self.new_columns.contains(&(table.to_owned(), column.to_lowercase()));
        match columns.into_iter().collect::<Option<Vec<_>>>() {
            Some(columns) if columns.iter().all(new) => {
                format!("Fills {}, which this change adds; nothing that was there before is lost.", columns.join(", "))
            }
            _ => "Changes rows; what they held before is lost.".to_owned(),
        }
    }

    fn create_table(&mut self, create: &CreateTable) -> Result<String, Refusal> {
        let table = single(&create.name)?;
        if create.or_replace {
            return Err("CREATE OR REPLACE would drop the table that is there".into());
        }
        if create.temporary || create.external || create.global.is_some() {
            return Err("only ordinary tables can be made".into());
        }
        if create.query.is_some() {
            return Err("CREATE TABLE ... SELECT is not allowed; make the table, then insert".into());
        }
        if let Some(CreateTableLikeKind::Plain(like) | CreateTableLikeKind::Parenthesized(like)) = &create.like {
            single(&like.name)?;
        }
        if create.partition_by.is_some() || create.partition_of.is_some() || create.inherits.is_some() {
            return Err("partitioned tables are not allowed".into());
        }
        check_options(&create.table_options)?;
        for column in &create.columns {
            check_column(column)?;
        }
        for constraint in &create.constraints {
            check_constraint(constraint)?;
        }
        if !create.if_not_exists {
            self.tables.insert(table.clone());
        }
        Ok(table)
    }

    fn alter_table(&mut self, alter: &AlterTable) -> Result<(String, Class), Refusal> {
        let table = single(&alter.name)?;
        if alter.if_exists || alter.only || alter.on_cluster.is_some() || alter.location.is_some() {
            return Err("only a plain ALTER TABLE is allowed".into());
        }
        if alter.operations.is_empty() {
            return Err("ALTER TABLE without an operation".into());
        }
        let mut dangers = Vec::new();
        for operation in &alter.operations {
            dangers.extend(self.operation(&table, operation)?);
        }
        if dangers.is_empty() || self.tables.contains(&table) {
            return Ok((table, Class::Additive));
        }
        Ok((table, destructive(&dangers.join(" "))))
    }

    /// The danger of one operation on a table that was there before; none where it is additive.
    fn operation(&mut self, table: &str, operation: &AlterTableOperation) -> Result<Option<String>, Refusal> {
        use AlterTableOperation as Op;
        let danger = match operation {
            Op::AddColumn { column_def, .. } => return self.add_column(table, column_def),
            Op::AddConstraint { constraint, .. } => return self.add_constraint(table, constraint),
            Op::AlterColumn { column_name, op } => return alter_column(column_name, op),
            Op::Algorithm { .. } | Op::Lock { .. } => return Ok(None),
            Op::DropColumn { column_names, .. } => format!("Drops {} with all that it holds.", names(column_names)),
            Op::RenameColumn { old_column_name, .. } => {
                format!("Renames {old_column_name}: code that knows it by that name fails.")
            }
            Op::ChangeColumn { old_name, data_type, options, .. } => {
                check_column_options(options.iter())?;
                format!("Changes {old_name} to {data_type}: values that do not fit are refused, or cut.")
            }
            Op::ModifyColumn { col_name, data_type, options, .. } => {
                check_column_options(options.iter())?;
                format!("Changes {col_name} to {data_type}: values that do not fit are refused, or cut.")
            }
            Op::DropConstraint { name, .. } => {
                format!("Drops the constraint {name}: rows that break it become possible.")
            }
            Op::DropForeignKey { name, .. } => {
                format!("Drops the foreign key {name}: rows that point nowhere become possible.")
            }
            Op::DropIndex { name } => format!("Drops the index {name}: what it made unique, or quick, is so no more."),
            Op::DropPrimaryKey { .. } => "Drops the primary key.".to_owned(),
            Op::RenameTable { .. } | Op::SwapWith { .. } => return Err(RENAMING.into()),
            other => return Err(format!("{other} is not something a migration may do")),
        };
        Ok(Some(danger))
    }

    fn add_column(&mut self, table: &str, column: &ColumnDef) -> Result<Option<String>, Refusal> {
        check_column(column)?;
        let options = || column.options.iter().map(|option| &option.option);
        let default = options().any(|option| matches!(option, ColumnOption::Default(value) if never_null(value)));
        let empty = !options().any(|option| matches!(option, ColumnOption::Default(value) if !is_null(value)));
        let computed = options().any(|option| matches!(option, ColumnOption::Generated { .. }));
        let required = options().any(|option| matches!(option, ColumnOption::NotNull));
        let key =
            options().any(|option| matches!(option, ColumnOption::PrimaryKey(_) | ColumnOption::DialectSpecific(_)));
        let unique = options().any(|option| matches!(option, ColumnOption::Unique(_)));
        let checked = options().any(|option| matches!(option, ColumnOption::Check(_)));
        let name = &column.name;
        self.new_columns.insert((table.to_owned(), name.value.to_lowercase()));
        if checked {
            return Ok(Some(format!("Adds {name} with a check: rows that break it are refused.")));
        }
        if key {
            return Ok(Some(format!("Adds {name} as a key of the table.")));
        }
        if required && !default && !computed {
            return Ok(Some(format!("Adds {name}, which must be given: code that does not know it fails.")));
        }
        if unique && (!empty || computed) {
            return Ok(Some(format!("Makes {name} unique: rows that have the same value are refused.")));
        }
        if empty && !computed {
            self.empty_columns.insert((table.to_owned(), name.value.to_lowercase()));
        }
        Ok(None)
    }

    fn add_constraint(&mut self, table: &str, constraint: &TableConstraint) -> Result<Option<String>, Refusal> {
        check_constraint(constraint)?;
        Ok(match constraint {
            TableConstraint::Index(_) | TableConstraint::FulltextOrSpatial(_) => None,
            TableConstraint::Unique(key) => self.unique(table, &key.columns),
            TableConstraint::ForeignKey(key) => {
                let empty = key.columns.iter().any(|column| self.is_empty(table, &column.value));
                (!empty).then(|| {
                    format!("Adds a foreign key: rows that point nowhere in {} are refused.", key.foreign_table)
                })
            }
            TableConstraint::PrimaryKey(_) => Some("Sets the primary key: rows that have the same are refused.".into()),
            _ => Some("Adds a constraint: rows that break it are refused.".into()),
        })
    }

    fn create_index(&mut self, create: &CreateIndex) -> Result<(String, Class), Refusal> {
        let table = single(&create.table_name)?;
        if create.predicate.is_some() || create.concurrently || !create.with.is_empty() {
            return Err("only a plain CREATE INDEX is allowed".into());
        }
        let danger = if create.unique { self.unique(&table, &create.columns) } else { None };
        let class = match danger {
            Some(danger) if !self.tables.contains(&table) => destructive(&danger),
            _ => Class::Additive,
        };
        Ok((table, class))
    }

    /// A unique key over a column that holds only nulls refuses nothing: nulls do not collide.
    fn unique(&self, table: &str, columns: &[IndexColumn]) -> Option<String> {
        let empty = columns.iter().any(|column| match &column.column.expr {
            Expr::Identifier(name) => self.is_empty(table, &name.value),
            _ => false,
        });
        (!empty).then(|| "Adds a unique index: rows that have the same values are refused.".into())
    }

    fn is_empty(&self, table: &str, column: &str) -> bool {
        self.empty_columns.contains(&(table.to_owned(), column.to_lowercase()))
    }

    fn drop(&mut self, statement: &Statement) -> Result<(String, Class), Refusal> {
        let Statement::Drop { object_type, if_exists, names, table, temporary, .. } = statement else {
            return Err("not a DROP".into());
        };
        let [name] = names.as_slice() else { return Err("drop one thing at a time".into()) };
        let name = single(name)?;
        match (object_type, table) {
            (ObjectType::Table, None) if !temporary => {
                // `if exists` may name a table of this list only by mistake; without it the table was there, or is new.
                let new = self.tables.remove(&name) && !if_exists;
                let class = if new { Class::Additive } else { destructive("Drops the table with all its rows.") };
                Ok((name, class))
            }
            (ObjectType::Index, Some(table)) => {
                let table = single(table)?;
                let danger = format!("Drops the index {name}: what it made unique, or quick, is so no more.");
                let class = if self.tables.contains(&table) { Class::Additive } else { destructive(&danger) };
                Ok((table, class))
            }
            (other, _) => Err(format!("DROP {other} is not something a migration may do")),
        }
    }
}

const RENAMING: &str =
    "renaming a table is not allowed: a pre-image could not bring it back; make a new one and copy the rows";

fn destructive(danger: &str) -> Class {
    Class::Destructive { danger: danger.to_owned() }
}

fn alter_column(name: &Ident, operation: &AlterColumnOperation) -> Result<Option<String>, Refusal> {
    match operation {
        AlterColumnOperation::SetDefault { .. } => Ok(None),
        AlterColumnOperation::DropDefault => {
            Ok(Some(format!("Drops the default of {name}: code that relies on it fails.")))
        }
        other => Err(format!("ALTER COLUMN {name} {other} is not something a migration may do")),
    }
}

fn check_column(column: &ColumnDef) -> Result<(), Refusal> {
    check_column_options(column.options.iter().map(|option| &option.option))
}

fn check_column_options<'a>(mut options: impl Iterator<Item = &'a ColumnOption>) -> Result<(), Refusal> {
    use ColumnOption as Is;
    options.try_for_each(|option| match option {
        Is::Null
        | Is::NotNull
        | Is::Default(_)
        | Is::PrimaryKey(_)
        | Is::Unique(_)
        | Is::Check(_)
        | Is::CharacterSet(_)
        | Is::Collation(_)
        | Is::Comment(_)
        | Is::OnUpdate(_)
        | Is::Generated { .. }
        | Is::Srid(_)
        | Is::Invisible => Ok(()),
        Is::DialectSpecific(tokens) => match tokens.as_slice() {
            [only] if only.to_string().eq_ignore_ascii_case("auto_increment") => Ok(()),
            _ => Err(format!("the column option {option} is not allowed")),
        },
        Is::ForeignKey(key) => single(&key.foreign_table).map(|_| ()),
        other => Err(format!("the column option {other} is not allowed")),
    })
}

fn check_constraint(constraint: &TableConstraint) -> Result<(), Refusal> {
    match constraint {
        TableConstraint::ForeignKey(key) => single(&key.foreign_table).map(|_| ()),
        TableConstraint::Unique(_)
        | TableConstraint::PrimaryKey(_)
        | TableConstraint::Check(_)
        | TableConstraint::Index(_)
        | TableConstraint::FulltextOrSpatial(_) => Ok(()),
        other => Err(format!("the constraint {other} is not allowed")),
    }
}

fn check_options(options: &CreateTableOptions) -> Result<(), Refusal> {
    let (CreateTableOptions::Plain(options)
    | CreateTableOptions::With(options)
    | CreateTableOptions::Options(options)
    | CreateTableOptions::TableProperties(options)) = options
    else {
        return Ok(());
    };
    options.iter().try_for_each(|option| {
        let (name, value) = match option {
            SqlOption::KeyValue { key, value } => (key.to_string(), Some(value.to_string())),
            SqlOption::NamedParenthesizedList(list) if list.values.is_empty() => {
                (list.key.to_string(), list.name.as_ref().map(|name| name.value.clone()))
            }
            SqlOption::Comment(_) => return Ok(()),
            other => return Err(format!("the table option {other} is not allowed")),
        };
        match name.to_lowercase().as_str() {
            "engine" if value.as_deref().is_some_and(|engine| engine.eq_ignore_ascii_case("innodb")) => Ok(()),
            "engine" => Err("the only engine allowed is InnoDB".into()),
            "charset"
            | "character set"
            | "default charset"
            | "default character set"
            | "collate"
            | "default collate"
            | "auto_increment"
            | "row_format"
            | "comment" => Ok(()),
            other => Err(format!("the table option {other} is not allowed")),
        }
    })
}

/// The table whose rows a statement changes that does nothing else.
pub(super) fn changed_table(statement: &Statement) -> Result<String, Refusal> {
    match statement {
        Statement::Insert(insert) if !insert.replace_into => insert_target(insert),
        Statement::Update(update) => update_target(update),
        Statement::Delete(delete) => delete_target(delete),
        _ => Err("only one INSERT, UPDATE or DELETE is allowed".into()),
    }
}

fn update_target(update: &Update) -> Result<String, Refusal> {
    if update.from.is_some() || update.returning.is_some() || update.or.is_some() {
        return Err("only a plain UPDATE is allowed".into());
    }
    target(&update.table)
}

/// The column that an assignment writes, whether or not its table is named with it.
fn assigned(target: &AssignmentTarget) -> Option<String> {
    match target {
        AssignmentTarget::ColumnName(name) => {
            name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone())
        }
        AssignmentTarget::Tuple(_) => None,
    }
}

fn delete_target(delete: &Delete) -> Result<String, Refusal> {
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    match from.as_slice() {
        [table] if delete.tables.is_empty() && delete.using.is_none() && delete.returning.is_none() => target(table),
        _ => Err("DELETE names one table; use a subquery for the others".into()),
    }
}

fn insert_target(insert: &Insert) -> Result<String, Refusal> {
    if insert.overwrite || insert.returning.is_some() || insert.multi_table_insert_type.is_some() {
        return Err("only a plain INSERT is allowed".into());
    }
    match &insert.table {
        TableObject::TableName(name) => single(name),
        _ => Err("INSERT names one table".into()),
    }
}

/// The one table whose rows change: a pre-image is kept of it alone.
fn target(table: &TableWithJoins) -> Result<String, Refusal> {
    match &table.relation {
        TableFactor::Table { name, args: None, .. } if table.joins.is_empty() => single(name),
        _ => Err("only one table can be changed at a time; use a subquery for the others".into()),
    }
}

fn single(name: &ObjectName) -> Result<String, Refusal> {
    match name.0.as_slice() {
        [part] => {
            part.as_ident().map(|ident| ident.value.clone()).ok_or_else(|| format!("{name} is not the name of a table"))
        }
        _ => Err(format!("{name} names another schema, which is not allowed")),
    }
}

fn is_null(value: &Expr) -> bool {
    matches!(value, Expr::Value(value) if value.value == Value::Null)
}

/// A default that plainly gives a value. What an expression comes to is the server's to know.
fn never_null(default: &Expr) -> bool {
    match default {
        Expr::Value(_) => !is_null(default),
        Expr::UnaryOp { expr, .. } | Expr::Nested(expr) => never_null(expr),
        Expr::Function(function) => {
            let name = function.name.to_string().to_lowercase();
            matches!(name.as_str(), "current_timestamp" | "now" | "localtime" | "localtimestamp")
        }
        _ => false,
    }
}

fn names(idents: &[Ident]) -> String {
    idents.iter().map(|ident| ident.value.as_str()).collect::<Vec<_>>().join(", ")
}

fn verb(statement: &Statement) -> String {
    let text = statement.to_string();
    text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}
