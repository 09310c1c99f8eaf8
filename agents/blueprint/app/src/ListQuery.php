<?php

declare(strict_types=1);

namespace App;

/** Which rows a list shows, and in what order. */
final class ListQuery
{
    public const PER_PAGE = 20;
    public const MAX_PER_PAGE = 100;

    /**
     * @param array<string, mixed>  $filters values by field
     * @param array<string, string> $asked   as it was written
     */
    private function __construct(
        private readonly Resource $resource,
        public readonly int $page,
        public readonly int $perPage,
        public readonly string $search,
        public readonly string $sort,
        public readonly array $filters,
        private readonly array $asked,
    ) {
    }

    /** @param array<string, mixed> $query */
    public static function parse(Resource $resource, array $query, Messages $messages): self
    {
        $errors = [];
        $filters = [];
        foreach ($query as $name => $value) {
            if (!is_string($value) || !mb_check_encoding($value, 'UTF-8')) {
                $errors[$name] = [$messages->get('not_text')];
            } elseif (!in_array($name, ['page', 'per_page', 'q', 'sort'], true)) {
                self::filter($resource, $name, $value, $messages, $filters, $errors);
            }
        }
        $page = self::number($query, 'page', 1, intdiv(PHP_INT_MAX, self::MAX_PER_PAGE), $messages, $errors);
        $perPage = self::number($query, 'per_page', self::PER_PAGE, self::MAX_PER_PAGE, $messages, $errors);
        $sort = $query['sort'] ?? 'id';
        if (is_string($sort) && !isset($resource->sortable()[preg_replace('/^-/', '', $sort)])) {
            $errors['sort'] = [$messages->get('unknown_field')];
        }
        if ($errors !== []) {
            throw HttpError::invalid($messages, $errors);
        }

        return new self($resource, $page, $perPage, $query['q'] ?? '', $sort, $filters, $query);
    }

    /**
     * The same question with something else about it; null leaves it out.
     *
     * @param array<string, string|int|null> $changes
     *
     * @return array<string, string|int|null>
     */
    public function with(array $changes): array
    {
        return $changes + $this->asked;
    }

    /** The same for the same question, however it is written; another one once the resource has other fields. */
    public function key(): string
    {
        $filters = $this->filters;
        ksort($filters);

        return hash('sha256', serialize([array_keys($this->resource->fields), $this->page, $this->perPage, $this->search, $this->sort, $filters]));
    }

    /** @return array{string, list<string|int|null>} a condition and its values */
    public function where(): array
    {
        $conditions = ['1 = 1'];
        $values = [];
        foreach ($this->filters as $name => $value) {
            $field = $this->resource->sortable()[$name];
            if ($value === null) {
                $conditions[] = "{$field->column()} is null";
                continue;
            }
            // A text would be compared with a decimal as two floats.
            $place = $field->type === FieldType::Decimal ? 'cast(? as decimal(16,4))' : '?';
            $conditions[] = "{$field->column()} = $place";
            $values[] = $field->toColumn($value);
            if ($field->type->isText()) {
                // `=` ignores spaces at the end; with equal lengths it is exact.
                $conditions[] = "length({$field->column()}) = ?";
                $values[] = strlen((string) $value);
            }
        }
        if ($this->search !== '') {
            // No LIKE, so nothing to escape: % and _ are characters like any other.
            $columns = array_filter($this->resource->fields, static fn (Field $field): bool => $field->type->isText());
            $places = array_map(static fn (Field $field): string => "locate(?, {$field->column()}) > 0", $columns);
            $conditions[] = $places === [] ? '1 = 0' : '(' . implode(' or ', $places) . ')';
            array_push($values, ...array_fill(0, count($places), $this->search));
        }

        return [implode(' and ', $conditions), $values];
    }

    public function order(): string
    {
        $name = ltrim($this->sort, '-');
        $direction = str_starts_with($this->sort, '-') ? 'desc' : 'asc';

        return $name === 'id' ? "`id` $direction" : "`$name` $direction, `id` $direction";
    }

    /**
     * @param array<string, mixed>        $filters
     * @param array<string, list<string>> $errors
     */
    private static function filter(Resource $resource, string $name, string $text, Messages $messages, array &$filters, array &$errors): void
    {
        $field = $resource->sortable()[$name] ?? null;
        if ($field === null) {
            $errors[$name] = [$messages->get('unknown_field')];

            return;
        }
        // Text is compared as it is; for all other types nothing means null.
        $value = $field->type->isText() ? $text : Form::typed($field, $text);
        $checked = $value === null || $field->type->isText() ? $value : (new Check($messages))->value($field, $value);
        if ($checked instanceof Problem) {
            $errors[$name] = [$checked->message];
        } else {
            $filters[$name] = $checked;
        }
    }

    /**
     * @param array<string, mixed>        $query
     * @param array<string, list<string>> $errors
     */
    private static function number(array $query, string $name, int $default, int $max, Messages $messages, array &$errors): int
    {
        $value = filter_var($query[$name] ?? $default, FILTER_VALIDATE_INT, ['options' => ['min_range' => 1, 'max_range' => $max]]);
        if ($value === false) {
            $errors[$name] ??= [$messages->get('out_of_range', 1, $max)];

            return $default;
        }

        return $value;
    }
}
