create table entries (
  id int not null auto_increment primary key,
  guest int not null,
  words text not null,
  picture blob null,
  came timestamp not null default current_timestamp,
  constraint entries_guest foreign key (guest) references guests (id) on delete cascade
) engine=InnoDB;
create table guests (
  id int not null auto_increment primary key,
  name varchar(100) not null,
  invited_by int null,
  unique key guests_name (name),
  constraint guests_invited foreign key (invited_by) references guests (id)
) engine=InnoDB comment='お客様; all of them';
insert into guests values (2, 'O''Brien; Patrick', 3), (3, '山田 太郎', null);
insert into entries (guest, words, picture) values
  (3, 'こんにちは。\nまた来ます。', 0xff00d8), (2, 'It\'s -- "nice" /* here */; really', null), (3, '\\ 円', null);
