{# Each file is a view named after it, so that lineage can name it as a table: title.crew.tsv is files.title_crew_tsv. #}
{% macro open_files() %}
  create schema if not exists files;
  {% for name in ['name_basics', 'title_akas', 'title_basics', 'title_crew', 'title_episode', 'title_principals', 'title_ratings'] %}
  create or replace view files.{{ name }}_tsv as
  from read_csv('files/{{ name | replace("_", ".") }}.tsv', delim = '\t', nullstr = '\N', all_varchar = true, quote = '');
  {% endfor %}
{% endmacro %}
