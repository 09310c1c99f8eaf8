<?php

declare(strict_types=1);

namespace App;

/** One kind of thing the app keeps: a table, an API and a page. */
final class Resource
{
    /** @var array<string, Field> by name */
    public readonly array $fields;

    /**
     * @param list<Field>                 $fields
     * @param list<array{string, string}> $referrers tables and columns that may point here
     */
    public function __construct(
        public readonly string $name,
        array $fields,
        public readonly array $referrers = [],
    ) {
        $this->fields = array_column($fields, null, 'name');
    }

    public function table(): string
    {
        return "`$this->name`";
    }

    /**
     * What lists can be sorted and filtered by.
     *
     * @return array<string, Field>
     */
    public function sortable(): array
    {
        return $this->fields + [
            'id' => new Field('id', FieldType::Int),
            'created_at' => new Field('created_at', FieldType::Datetime),
            'updated_at' => new Field('updated_at', FieldType::Datetime),
        ];
    }
}
