-- As the SQLite step 6, see there. MySQL adds no column "if not exists", and this may be repeated.
set @step = if(
    exists (select 1 from information_schema.columns
            where table_schema = database() and table_name = 'jobs' and column_name = 'trace'),
    'do 0', 'alter table jobs add column trace varchar(568)');
prepare step from @step;
execute step;
deallocate prepare step;
