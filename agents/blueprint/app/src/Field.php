<?php

declare(strict_types=1);

namespace App;

/** One field of a resource; its column has the same name. */
final class Field
{
    /** @param list<string> $words the words of an enum */
    public function __construct(
        public readonly string $name,
        public readonly FieldType $type,
        public readonly bool $required = false,
        public readonly bool $unique = false,
        public readonly string|int|bool|null $default = null,
        public readonly array $words = [],
        public readonly string $target = '',
    ) {
    }

    public function column(): string
    {
        return "`$this->name`";
    }

    /**
     * Free text is unique by its hash: collations pad, fold and cut, a hash compares every byte of any length.
     */
    public function hashColumn(): ?string
    {
        return $this->unique && $this->type->isText() ? "`_{$this->name}_hash`" : null;
    }

    /** A valid value as MySQL takes it. */
    public function toColumn(mixed $value): string|int|null
    {
        return match (true) {
            $value === null => null,
            $this->type === FieldType::Bool => (int) $value,
            $this->type === FieldType::Datetime => strtr((string) $value, ['T' => ' ', 'Z' => '']),
            default => $value,
        };
    }

    /** A column's value as JSON shows it. */
    public function toJson(mixed $value): mixed
    {
        return match (true) {
            $value === null => null,
            $this->type === FieldType::Bool => (bool) $value,
            $this->type === FieldType::Int, $this->type === FieldType::Ref => (int) $value,
            $this->type === FieldType::Decimal => self::plain((string) $value),
            $this->type === FieldType::Datetime => str_replace(' ', 'T', (string) $value) . 'Z',
            default => (string) $value,
        };
    }

    private static function plain(string $decimal): string
    {
        return str_contains($decimal, '.') ? rtrim(rtrim($decimal, '0'), '.') : $decimal;
    }
}
