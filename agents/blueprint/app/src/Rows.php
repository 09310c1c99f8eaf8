<?php

declare(strict_types=1);

namespace App;

use PDOException;

/** The rows of one resource. The values it is given are valid ones. */
final class Rows
{
    public function __construct(
        private readonly Database $database,
        public readonly Resource $resource,
        private readonly Messages $messages,
    ) {
    }

    /** @return array<string, mixed> */
    public function get(int $id): array
    {
        $row = $this->database->run("{$this->select()} where `id` = ?", [$id])->fetch();

        return $row === false ? throw HttpError::notFound($this->messages) : $this->toJson($row);
    }

    /** @return array{items: list<array<string, mixed>>, page: int, per_page: int, total: int} */
    public function list(ListQuery $query): array
    {
        [$where, $values] = $query->where();
        $total = (int) $this->database->run("select count(*) from {$this->resource->table()} where $where", $values)->fetchColumn();
        $sql = "{$this->select()} where $where order by {$query->order()} limit ? offset ?";
        $rows = $this->database->run($sql, [...$values, $query->perPage, ($query->page - 1) * $query->perPage])->fetchAll();

        return [
            'items' => array_map($this->toJson(...), $rows),
            'page' => $query->page,
            'per_page' => $query->perPage,
            'total' => $total,
        ];
    }

    /**
     * @param array<string, mixed> $values
     *
     * @return array<string, mixed> the row as it is now
     */
    public function create(array $values): array
    {
        return $this->write(function () use ($values): array {
            $this->requireTargets($values);
            $columns = $this->columns($values);
            $names = implode(', ', array_keys($columns));
            $places = implode(', ', array_fill(0, count($columns), '?'));
            $this->database->run(
                "insert into {$this->resource->table()} ($names, `created_at`, `updated_at`) values ($places, utc_timestamp(), utc_timestamp())",
                array_values($columns),
            );

            return $this->get($this->database->lastId());
        });
    }

    /**
     * Changes what is named, and nothing else.
     *
     * @param array<string, mixed> $values
     *
     * @return array<string, mixed> the row as it is now
     */
    public function update(int $id, array $values): array
    {
        return $this->write(function () use ($id, $values): array {
            $this->requireTargets($values);
            $columns = $this->columns($values);
            if ($columns !== []) {
                $assignments = implode(', ', array_map(static fn (string $name): string => "$name = ?", array_keys($columns)));
                $this->database->run(
                    "update {$this->resource->table()} set $assignments, `updated_at` = utc_timestamp() where `id` = ?",
                    [...array_values($columns), $id],
                );
            }

            return $this->get($id);
        });
    }

    public function delete(int $id): void
    {
        $this->write(function () use ($id): void {
            $table = $this->resource->table();
            // The lock keeps new references away: whoever makes one waits for it.
            if ($this->database->run("select `id` from $table where `id` = ? for update", [$id])->fetch() === false) {
                throw HttpError::notFound($this->messages);
            }
            foreach ($this->resource->referrers as [$referrer, $column]) {
                $sql = "select `id` from `$referrer` where `$column` = ? limit 1 lock in share mode";
                if ($this->database->run($sql, [$id])->fetch() !== false) {
                    throw $this->stillReferenced($referrer);
                }
            }
            $this->database->run("delete from $table where `id` = ?", [$id]);
        });
    }

    /**
     * @template T
     *
     * @param \Closure(): T $work
     *
     * @return T
     */
    private function write(\Closure $work): mixed
    {
        try {
            return $this->database->transaction($work);
        } catch (PDOException $error) {
            throw match (Database::code($error)) {
                Database::DUPLICATE => $this->taken($error),
                Database::STILL_REFERENCED => $this->stillReferenced(null),
                Database::MISSING_TARGET => HttpError::invalid($this->messages, ['_' => [$this->messages->get('no_such_row')]]),
                default => $error,
            };
        }
    }

    /** @param array<string, mixed> $values */
    private function requireTargets(array $values): void
    {
        $errors = [];
        foreach ($this->resource->fields as $name => $field) {
            if ($field->type === FieldType::Ref && isset($values[$name])) {
                $sql = "select `id` from `$field->target` where `id` = ? lock in share mode";
                if ($this->database->run($sql, [$values[$name]])->fetch() === false) {
                    $errors[$name] = [$this->messages->get('no_such_row')];
                }
            }
        }
        if ($errors !== []) {
            throw HttpError::invalid($this->messages, $errors);
        }
    }

    /**
     * @param array<string, mixed> $values
     *
     * @return array<string, string|int|null> by quoted column
     */
    private function columns(array $values): array
    {
        $columns = [];
        foreach ($values as $name => $value) {
            $field = $this->resource->fields[$name];
            $columns[$field->column()] = $field->toColumn($value);
            if ($field->hashColumn() !== null) {
                $columns[$field->hashColumn()] = $value === null ? null : hash('sha256', (string) $value);
            }
        }

        return $columns;
    }

    private function select(): string
    {
        $names = array_map(static fn (Field $field): string => $field->column(), $this->resource->fields);

        return 'select ' . implode(', ', ['`id`', ...array_values($names), '`created_at`', '`updated_at`']) . " from {$this->resource->table()}";
    }

    /**
     * @param array<string, mixed> $row
     *
     * @return array<string, mixed>
     */
    private function toJson(array $row): array
    {
        $json = ['id' => (int) $row['id']];
        foreach ($this->resource->fields as $name => $field) {
            $json[$name] = $field->toJson($row[$name]);
        }
        foreach (['created_at', 'updated_at'] as $name) {
            $json[$name] = str_replace(' ', 'T', (string) $row[$name]) . 'Z';
        }

        return $json;
    }

    private function taken(PDOException $error): HttpError
    {
        // The name of the index ends the message: "Duplicate entry '...' for key 'posts.unique_title'".
        $found = preg_match("/unique_([a-z0-9_]+)'\$/D", $error->getMessage(), $part) === 1;
        $errors = $found ? [$part[1] => [$this->messages->get('taken')]] : [];

        return new HttpError(409, $this->messages->get('taken'), $errors);
    }

    private function stillReferenced(?string $referrer): HttpError
    {
        return new HttpError(409, $this->messages->get('still_referenced', $referrer ?? $this->messages->get('another')));
    }
}
