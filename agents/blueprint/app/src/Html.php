<?php

declare(strict_types=1);

namespace App;

/** Pages made of templates. In a template `$this->e()` stands around everything that is not markup. */
final class Html
{
    public function __construct(
        private readonly string $directory,
        public readonly Messages $messages,
        private readonly Csrf $csrf,
    ) {
    }

    /**
     * @param array<string, mixed>  $values
     * @param array<string, string> $headers
     */
    public function page(int $status, string $template, array $values, array $headers = []): Response
    {
        $style = (string) file_get_contents("$this->directory/style.css");
        $content = $this->part($template, $values);
        $body = $this->part('layout', ['title' => $values['title'], 'style' => $style, 'content' => $content]);
        $policy = "default-src 'none'; style-src 'sha256-" . base64_encode(hash('sha256', $style, true))
            . "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

        return new Response($status, $body, $headers + $this->csrf->headers() + [
            'Content-Type' => 'text/html; charset=utf-8',
            'Content-Security-Policy' => $policy,
            'Referrer-Policy' => 'same-origin',
        ]);
    }

    public function e(mixed $value): string
    {
        $text = is_bool($value) ? ($value ? 'true' : 'false') : (string) $value;

        return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE | ENT_HTML5, 'UTF-8');
    }

    /** A sentence, escaped. */
    public function t(string $key, string|int ...$values): string
    {
        return $this->e($this->messages->get($key, ...$values));
    }

    /** A name as people read it. */
    public function label(string $name): string
    {
        return ucfirst(trim(str_replace('_', ' ', $name)));
    }

    /** An address with a query. @param array<string, mixed> $query */
    public function link(string $path, array $query): string
    {
        return $this->e($query === [] ? $path : $path . '?' . http_build_query($query, '', '&', PHP_QUERY_RFC3986));
    }

    public function token(): string
    {
        return '<input type="hidden" name="' . Csrf::FIELD . '" value="' . $this->e($this->csrf->token()) . '">';
    }

    /** @param array<string, mixed> $values */
    public function part(string $template, array $values): string
    {
        ob_start();
        try {
            // No names of its own, which a template's could hide.
            (function (): void {
                extract(func_get_arg(1));
                require func_get_arg(0);
            })("$this->directory/$template.php", $values);
        } catch (\Throwable $error) {
            ob_end_clean();
            throw $error;
        }

        return (string) ob_get_clean();
    }
}
