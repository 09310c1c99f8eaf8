<?php

function db()
{
    static $pdo = null;
    if ($pdo === null) {
        $c = config()['mysql'];
        $dsn = "mysql:host={$c['host']};port={$c['port']};dbname={$c['schema']};charset=utf8mb4";
        $pdo = new PDO($dsn, $c['user'], $c['password'], [
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
            PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
            PDO::ATTR_EMULATE_PREPARES => false,
            PDO::ATTR_TIMEOUT => 5,
            PDO::MYSQL_ATTR_INIT_COMMAND => "SET time_zone = '+09:00'",
        ]);
    }
    return $pdo;
}

function q($sql, $params = [])
{
    $st = db()->prepare($sql);
    $st->execute($params);
    return $st;
}

/** All rows. */
function rows($sql, $params = [])
{
    return q($sql, $params)->fetchAll();
}

/** First row or null. */
function row($sql, $params = [])
{
    return q($sql, $params)->fetch() ?: null;
}

/** First column of the first row. */
function value($sql, $params = [])
{
    return q($sql, $params)->fetchColumn();
}

/** For LIKE: % and _ typed by people are just characters. */
function like($s)
{
    return '%' . addcslashes($s, '%_\\') . '%';
}
