<?php

declare(strict_types=1);

namespace App;

/** Holds what a client sent against a resource's definition. The one place where that happens. */
final class Validator
{
    private readonly Check $check;

    public function __construct(private readonly Resource $resource, private readonly Messages $messages)
    {
        $this->check = new Check($messages);
    }

    /**
     * A whole row: what is absent becomes its default, or null.
     *
     * @param array<array-key, mixed> $input
     *
     * @return array<string, mixed>
     */
    public function whole(array $input): array
    {
        $defaults = array_map(static fn (Field $field): mixed => $field->default, $this->resource->fields);

        return $this->check($input + $defaults);
    }

    /**
     * Only what is named.
     *
     * @param array<array-key, mixed> $input
     *
     * @return array<string, mixed>
     */
    public function part(array $input): array
    {
        return $this->check($input);
    }

    /**
     * @param array<array-key, mixed> $input
     *
     * @return array<string, mixed>
     */
    private function check(array $input): array
    {
        $values = [];
        $errors = [];
        foreach ($input as $name => $value) {
            $field = $this->resource->fields[$name] ?? null;
            if ($field === null) {
                $errors[$name] = [$this->messages->get('unknown_field')];
                continue;
            }
            $checked = $this->one($field, $value);
            if ($checked instanceof Problem) {
                $errors[$name] = [$checked->message];
            } else {
                $values[$name] = $checked;
            }
        }
        if ($errors !== []) {
            throw HttpError::invalid($this->messages, $errors);
        }

        return $values;
    }

    private function one(Field $field, mixed $value): string|int|bool|Problem|null
    {
        if ($field->required && ($value === null || $value === '')) {
            return new Problem($this->messages->get('required'));
        }

        return $value === null ? null : $this->check->value($field, $value);
    }
}
