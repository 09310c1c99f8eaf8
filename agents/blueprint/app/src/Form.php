<?php

declare(strict_types=1);

namespace App;

/** Forms and addresses carry text only: the values that it stands for. */
final class Form
{
    /**
     * The resource's fields in a form that was sent, as a JSON client would send them.
     *
     * @param array<string, mixed> $form
     *
     * @return array<string, mixed>
     */
    public static function values(Resource $resource, array $form): array
    {
        $values = [];
        foreach (array_intersect_key($resource->fields, $form) as $name => $field) {
            $values[$name] = is_string($form[$name]) ? self::typed($field, $form[$name]) : $form[$name];
        }

        return $values;
    }

    /** Nothing is null. What does not fit its type stays text, for the validator to refuse. */
    public static function typed(Field $field, string $text): string|int|bool|null
    {
        return match (true) {
            $text === '' => null,
            $field->type === FieldType::Bool => match ($text) {
                'true' => true,
                'false' => false,
                default => $text,
            },
            $field->type === FieldType::Int, $field->type === FieldType::Ref => self::integer($text),
            $field->type === FieldType::Datetime => self::moment($text),
            default => $text,
        };
    }

    private static function integer(string $text): int|string
    {
        $number = preg_match('/^-?[0-9]+$/D', $text) === 1 ? filter_var(self::withoutZeros($text), FILTER_VALIDATE_INT) : false;

        return $number === false ? $text : $number;
    }

    private static function withoutZeros(string $digits): string
    {
        return (string) preg_replace('/^(-?)0+(?=[0-9])/', '$1', $digits);
    }

    /**
     * A browser's field for a moment knows no zone, and leaves out seconds of zero; the form says that it is UTC. In an
     * address that was not encoded, the sign of an offset has become a space.
     */
    private static function moment(string $text): string
    {
        $text = (string) preg_replace('/ (?=[0-9]{2}:[0-9]{2}$)/D', '+', $text);

        return match (1) {
            preg_match('/^[0-9-]{10}T[0-9]{2}:[0-9]{2}$/D', $text) => "$text:00Z",
            preg_match('/^[0-9-]{10}T[0-9]{2}:[0-9]{2}:[0-9]{2}$/D', $text) => "{$text}Z",
            default => $text,
        };
    }
}
