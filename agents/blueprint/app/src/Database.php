<?php

declare(strict_types=1);

namespace App;

use Closure;
use PDO;
use PDOException;
use PDOStatement;

/** The app's MySQL schema. */
final class Database
{
    public const DUPLICATE = 1062;
    public const STILL_REFERENCED = 1451;
    public const MISSING_TARGET = 1452;
    private const LOST_TO_ANOTHER = [1205, 1213];
    private const ATTEMPTS = 5;

    private function __construct(private readonly PDO $pdo)
    {
    }

    /** @param array<string, mixed> $config */
    public static function connect(array $config): self
    {
        $dsn = sprintf('mysql:host=%s;port=%d;dbname=%s;charset=utf8mb4', $config['host'], $config['port'], $config['schema']);

        return new self(new PDO($dsn, (string) $config['user'], (string) $config['password'], [
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
            PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
            PDO::ATTR_EMULATE_PREPARES => false,
            PDO::ATTR_STRINGIFY_FETCHES => false,
            PDO::ATTR_TIMEOUT => 5,
            PDO::MYSQL_ATTR_FOUND_ROWS => true,
            PDO::MYSQL_ATTR_INIT_COMMAND => "set session sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE', time_zone = '+00:00'",
        ]));
    }

    /** @param list<string|int|null> $values */
    public function run(string $sql, array $values = []): PDOStatement
    {
        $statement = $this->pdo->prepare($sql);
        foreach ($values as $place => $value) {
            $statement->bindValue($place + 1, $value, match (true) {
                $value === null => PDO::PARAM_NULL,
                is_int($value) => PDO::PARAM_INT,
                default => PDO::PARAM_STR,
            });
        }
        $statement->execute();

        return $statement;
    }

    public function lastId(): int
    {
        return (int) $this->pdo->lastInsertId();
    }

    /**
     * Runs the work in one transaction, again when it lost a deadlock.
     *
     * @template T
     *
     * @param Closure(): T $work
     *
     * @return T
     */
    public function transaction(Closure $work): mixed
    {
        for ($attempt = 1; ; $attempt++) {
            $this->pdo->beginTransaction();
            try {
                $result = $work();
                $this->pdo->commit();

                return $result;
            } catch (PDOException $error) {
                $this->rollBack();
                if ($attempt === self::ATTEMPTS || !in_array(self::code($error), self::LOST_TO_ANOTHER, true)) {
                    throw $error;
                }
            } catch (HttpError $error) {
                $this->rollBack();
                throw $error;
            }
        }
    }

    /** MySQL's own number of an error. */
    public static function code(PDOException $error): int
    {
        return (int) ($error->errorInfo[1] ?? 0);
    }

    /** The server does not answer, has no connection left, or everyone waits for everyone: later it may go better. */
    public static function isDown(PDOException $error): bool
    {
        $code = self::code($error) ?: (int) $error->getCode();

        return in_array($code, [1040, 1053, 1203, 1205, 1213, 2002, 2003, 2006, 2013], true);
    }

    private function rollBack(): void
    {
        if ($this->pdo->inTransaction()) {
            $this->pdo->rollBack();
        }
    }
}
